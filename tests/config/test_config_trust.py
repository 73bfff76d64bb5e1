"""Commands run only from a file that nobody else can write, and secrets are shown to nobody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from capmon.config.load import explain, load
from capmon.config.loaded import Loaded
from capmon.errors import ConfigError

COMMAND = "scaling: {target: {kind: command, read: [count], write: [scale, '{replicas}']}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that only its owner can write."""
    inside = tmp_path / "own"
    inside.mkdir(mode=0o755)
    return inside


def loaded_with(folder: Path, mode: int, text: str = COMMAND) -> Loaded:
    """What is loaded from a file with these permissions."""
    path = folder / "capmon.yaml"
    path.write_text(text)
    path.chmod(mode)
    return load(path, environ={}, cwd=folder)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o444, 0o755])
def test_a_file_of_ones_own_is_trusted(folder: Path, mode: int) -> None:
    """Others may read it."""
    assert loaded_with(folder, mode).untrusted == ""


@pytest.mark.parametrize(
    ("mode", "said"),
    [(0o666, "can be written by every user"), (0o664, "can be written by its group")],
)
def test_a_file_that_others_can_write_is_not_trusted(folder: Path, mode: int, said: str) -> None:
    """It loads, with the reason why its commands must not run, which `config show` repeats."""
    loaded = loaded_with(folder, mode)
    assert loaded.settings.scaling.target.kind == "command"
    assert loaded.untrusted.startswith(f"capmon.yaml {said}")
    assert f"# not trusted, so its commands will not run: {loaded.untrusted}" in explain(loaded)


def test_a_folder_that_others_can_write_is_not_trusted(folder: Path) -> None:
    """Who can write the folder can put another file in place of this one."""
    folder.chmod(0o777)
    assert (
        loaded_with(folder, 0o600).untrusted
        == "the folder of capmon.yaml can be written by every user"
    )


def test_a_sticky_folder_protects_a_file_of_ones_own(folder: Path) -> None:
    """In a folder such as /tmp nobody can replace what is not theirs."""
    folder.chmod(0o1777)
    assert loaded_with(folder, 0o600).untrusted == ""


def test_a_link_is_as_weak_as_the_folder_it_is_in(folder: Path) -> None:
    """Both the link and what it leads to decide what is read."""
    loaded_with(folder, 0o600)
    outside = folder.parent / "open"
    outside.mkdir()
    outside.chmod(0o777)
    link = outside / "capmon.yaml"
    link.symlink_to(folder / "capmon.yaml")
    assert (
        load(link, environ={}).untrusted == "the folder of capmon.yaml can be written by every user"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_trusted(folder: Path) -> None:
    """Its owner can write it at any time, whatever its mode says."""
    path = folder / "capmon.yaml"
    path.write_text(COMMAND)
    path.chmod(0o400)
    os.chown(path, 4242, -1)
    assert load(path, environ={}).untrusted == "capmon.yaml belongs to another user (uid 4242)"


SECRETS = """\
app:
  name: ${TEAM:-web}
  url: https://ops:hunter2@web/api?token=hunter2&page=1
  headers:
    Authorization: Bearer ${APP_TOKEN}
    X-Api-Key: hunter2
    Cookie: a=hunter2; b=${APP_TOKEN:-hunter2}
    X-Password: hunter2${APP_TOKEN}
    X-Trace: ${APP_TOKEN}
    Accept: application/json
scaling:
  target:
    kind: command
    read: [curl, -u, 'ops:hunter2', -H, 'Authorization: Bearer hunter2', 'https://ops:hunter2@web/']
    write: [scale, --token, hunter2, --password=hunter2, '${APP_TOKEN}', '{replicas}']
"""


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    """Neither a value from a variable, nor what a header, a URL or an option gives away."""
    (tmp_path / "capmon.yaml").write_text(SECRETS)
    loaded = load(environ={"APP_TOKEN": "s3cret"}, cwd=tmp_path)
    assert loaded.settings.app.headers["Authorization"] == "Bearer s3cret"
    shown = explain(loaded)
    assert "hunter2" not in shown
    assert "s3cret" not in shown
    lines = [line.split("  # ")[0].strip() for line in shown.splitlines()]
    for line in (
        "name: web",
        'url: "https://***@web/api?token=***&page=1"',
        'Authorization: "Bearer ${APP_TOKEN}"',
        'X-Api-Key: "***"',
        'Cookie: "***"',
        'X-Password: "***"',
        'X-Trace: "${APP_TOKEN}"',
        "Accept: application/json",
        'read: [curl, "-u", "***", "-H", "Authorization: ***", "https://***@web/"]',
        'write: [scale, "--token", "***", "--password=***", "${APP_TOKEN}", "{replicas}"]',
    ):
        assert line in lines


def test_secrets_are_not_in_the_text_of_settings(tmp_path: Path) -> None:
    """A log that prints the settings does not print the headers."""
    (tmp_path / "capmon.yaml").write_text("app: {headers: {Authorization: Bearer hunter2}}")
    assert "hunter2" not in repr(load(environ={}, cwd=tmp_path).settings)


@pytest.mark.parametrize(
    "text",
    [
        "app: {headers: 'Authorization: Bearer hunter2'}",
        'app: {headers: {Authorization: "hunter2\\n"}}',
        "app: {headers: {Authorization: [hunter2]}}",
        "app: {url: 'https://ops:hunter2@web:port/'}",
        "app: {url: 'ftp://ops:hunter2@web/?api_key=hunter2'}",
        "app: {url: '${URL}'}",
        "interval: ${URL}",
        "window: ${URL}",
        "host: {disks: ['${URL}']}",
        "app: {fields: {cache.hit_ratio: {path: '${URL}', unit: '${URL}'}}}",
        "scaling: {target: {kind: swarm, service: '${URL} x'}}",
        "scaling: {target: {kind: command, read: curl -u ops:hunter2}}",
    ],
)
def test_faults_do_not_repeat_secrets(tmp_path: Path, text: str) -> None:
    """A fault names the variable, or hides the user, and never says the secret."""
    (tmp_path / "capmon.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(environ={"URL": "hunter2 -"}, cwd=tmp_path)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("part", ["a", "token", "a:", "token=", "${A:-", "x://", "=", "\\"])
def test_a_megabyte_of_anything_is_answered(tmp_path: Path, part: str) -> None:
    """No search for secrets or variables takes more than a time in step with the text."""
    value = part * (1_000_000 // len(part))
    (tmp_path / "capmon.yaml").write_text(f"app:\n  name: '{value}'\n  url: '{value}'\n"[: 1 << 20])
    with pytest.raises(ConfigError):
        load(environ={}, cwd=tmp_path)
    try:
        loaded = load(environ={}, overrides={"app.name": value}, cwd=tmp_path / "none")
    except ConfigError:
        return
    assert explain(loaded).count("\n") > 50
