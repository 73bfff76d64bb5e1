"""Where settings come from: the file that is found, the variables over it, the flags over both."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from capmon.config.find import LARGEST, SYSTEM_FILE, search_path
from capmon.config.load import load
from capmon.config.schema import FieldSettings, Settings
from capmon.errors import ConfigError


def write(path: Path, text: str) -> Path:
    """A file with this text, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def reason(path: Path) -> str:
    """Why a file cannot be loaded."""
    with pytest.raises(ConfigError) as caught:
        load(path, environ={}, cwd=path.parent)
    return "\n".join(caught.value.faults)


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    """No file is no error, and every value says that it is a default."""
    loaded = load(environ={}, cwd=tmp_path)
    if loaded.path is None:
        assert loaded.settings == Settings()
        assert set(loaded.origins.values()) == {"default"}
    else:
        assert loaded.path == SYSTEM_FILE


@pytest.mark.parametrize("text", ["", "\n", "# nothing but a remark\n", "---\n", "~", "\ufeff"])
def test_an_empty_file_gives_the_defaults(tmp_path: Path, text: str) -> None:
    """Nothing written is nothing changed."""
    loaded = load(write(tmp_path / "capmon.yaml", text), environ={})
    assert loaded.settings == Settings()


def test_the_search_goes_from_near_to_far(tmp_path: Path) -> None:
    """The working directory, the user's folder, the host's folder."""
    environ = {"HOME": "/home/me"}
    assert list(search_path(environ, tmp_path)) == [
        tmp_path / "capmon.yaml",
        Path("/home/me/.config/capmon/capmon.yaml"),
        Path("/etc/capmon/capmon.yaml"),
    ]
    environ["XDG_CONFIG_HOME"] = "/conf"
    assert list(search_path(environ, tmp_path))[1] == Path("/conf/capmon/capmon.yaml")


def test_the_nearest_file_wins(tmp_path: Path) -> None:
    """Flag, variable, working directory, user: each hides the next, and files do not mix."""
    here, home = tmp_path / "here", tmp_path / "home"
    here.mkdir()
    environ = {"HOME": str(home)}
    write(home / ".config/capmon/capmon.yaml", "theme: user\nwindow: 1h")
    assert load(environ=environ, cwd=here).settings.theme == "user"
    write(here / "capmon.yaml", "theme: here")
    loaded = load(environ=environ, cwd=here)
    assert (loaded.settings.theme, loaded.settings.window) == ("here", "5m")
    environ["CAPMON_CONFIG"] = str(write(tmp_path / "named.yaml", "theme: named"))
    assert load(environ=environ, cwd=here).settings.theme == "named"
    flag = write(tmp_path / "flag.yaml", "theme: flag")
    loaded = load(flag, environ=environ, cwd=here)
    assert (loaded.settings.theme, loaded.path) == ("flag", flag)


def test_flags_override_variables_which_override_the_file(tmp_path: Path) -> None:
    """Each value comes from the highest layer that has it, and says which."""
    write(tmp_path / "capmon.yaml", "# remark\ninterval: 3s\nwindow: 1h\napp:\n  timeout: 1s\n")
    loaded = load(
        environ={"CAPMON_INTERVAL": "2s", "CAPMON_APP__URL": "http://web/", "CAPMON_WINDOW": "6h"},
        overrides={"interval": "500ms", "utilization_target": "75%"},
        cwd=tmp_path,
    )
    settings = loaded.settings
    assert (settings.interval, settings.window, settings.app.timeout) == (0.5, "6h", 1.0)
    assert (settings.app.url, settings.utilization_target) == ("http://web/", 0.75)
    assert {key: loaded.origins[key] for key in ("interval", "window", "app.url", "theme")} == {
        "interval": "--set interval",
        "window": "CAPMON_WINDOW",
        "app.url": "CAPMON_APP__URL",
        "theme": "default",
    }
    assert loaded.origins["app.timeout"] == "capmon.yaml:5"
    assert loaded.origins["utilization_target"] == "--set utilization_target"


def test_a_file_elsewhere_is_named_in_full(tmp_path: Path) -> None:
    """An origin that is not in the working directory says where it is."""
    path = write(tmp_path / "conf" / "web.yaml", "theme: day")
    loaded = load(path, environ={}, cwd=tmp_path / "elsewhere")
    assert loaded.origins["theme"] == f"{path}:1"


def test_a_section_keeps_the_defaults_that_the_file_leaves_out(tmp_path: Path) -> None:
    """One threshold of memory changes; its others stay memory's own."""
    write(tmp_path / "capmon.yaml", "thresholds: {memory: {warning: 60%}, disk_busy: {clear: 0}}")
    thresholds = load(environ={}, cwd=tmp_path).settings.thresholds
    assert (thresholds.memory.warning, thresholds.memory.critical) == (0.6, 0.95)
    assert (thresholds.disk_busy.for_, thresholds.disk_busy.clear) == (60.0, 0.0)


def test_what_a_value_means_is_decided_by_its_setting(tmp_path: Path) -> None:
    """YAML's own guesses do not matter: `no` is a word where a text is expected."""
    text = """\
app:
  name: no
  headers: {X-Version: 1.10, X-Day: 2024-01-01}
  verify: off
  fields:
    http.server.request.rate: {from: /m, path: counters.n, rate: yes}
host: {disks: [/, /var], processes: 0}
scaling:
  limits: [{name: connections, per_replica: 2.5, total: 1e2}]
  cooldown: {up: 1m30s}
thresholds: {throttled: {for: 0}}
"""
    write(tmp_path / "capmon.yaml", text)
    settings = load(environ={}, cwd=tmp_path).settings
    assert settings.app.name == "no"
    assert settings.app.headers == {"X-Version": "1.10", "X-Day": "2024-01-01"}
    assert settings.app.verify is False
    assert settings.app.fields == {
        "http.server.request.rate": FieldSettings(from_="/m", path="counters.n", rate=True)
    }
    assert settings.host.disks == ("/", "/var")
    assert (settings.scaling.limits[0].per_replica, settings.scaling.limits[0].total) == (2.5, 100)
    assert settings.scaling.cooldown.up == 90
    assert settings.thresholds.throttled.for_ == 0


def test_anchors_and_merge_keys_work(tmp_path: Path) -> None:
    """Thresholds that are alike are written once; a key beside the merge wins over it."""
    text = """\
thresholds:
  cpu: &usual
    warning: 60%
    critical: 80%
  memory:
    <<: *usual
    critical: 85%
  disk: *usual
"""
    write(tmp_path / "capmon.yaml", text)
    thresholds = load(environ={}, cwd=tmp_path).settings.thresholds
    assert (thresholds.memory.warning, thresholds.memory.critical) == (0.6, 0.85)
    assert thresholds.disk == thresholds.cpu


def test_variables_reach_every_kind_of_setting(tmp_path: Path) -> None:
    """Words, lists, sections and free names, all from the environment."""
    environ = {
        "CAPMON_THRESHOLDS__CPU__FOR": "1m",
        "CAPMON_HOST__DISKS": "[/, /var]",
        "CAPMON_HOST__NETWORK": "auto",
        "CAPMON_APP__HEADERS__ACCEPT": "text/plain",
        "CAPMON_KEYS": "{quit: q}",
        "CAPMON_SCALING__TARGET": "{kind: swarm, service: web}",
        "CAPMON_SCALING__TARGET__INTERVAL": "9s",
        "CAPMON_APP__NAME": "${HOME}: [not yaml",
    }
    settings = load(environ=environ, cwd=tmp_path).settings
    assert settings.thresholds.cpu.for_ == 60
    assert (settings.host.disks, settings.host.network) == (("/", "/var"), "auto")
    assert settings.app.headers == {"accept": "text/plain"}
    assert settings.keys == {"quit": "q"}
    target = settings.scaling.target
    assert (target.kind, target.service, target.interval) == ("swarm", "web", 9)
    assert settings.app.name == "${HOME}: [not yaml"


def test_flags_reach_metrics_whose_names_hold_dots(tmp_path: Path) -> None:
    """The last part is the setting, what is before it the metric."""
    overrides = {
        "app.fields.cache.hit_ratio.path": "hits",
        "app.fields.cache.hit_ratio.unit": "%",
        "app.headers.X.Y": "z",
    }
    app = load(environ={}, overrides=overrides, cwd=tmp_path).settings.app
    assert app.fields == {"cache.hit_ratio": FieldSettings(path="hits", unit="%")}
    assert app.headers == {"X.Y": "z"}


def test_variables_of_a_kubernetes_service_are_no_settings(tmp_path: Path) -> None:
    """A cluster with a service called capmon sets variables that begin like ours."""
    environ = {
        "CAPMON_SERVICE_HOST": "10.0.0.7",
        "CAPMON_SERVICE_PORT": "80",
        "CAPMON_SERVICE_PORT_HTTP": "80",
        "CAPMON_PORT": "tcp://10.0.0.7:80",
        "CAPMON_PORT_80_TCP": "tcp://10.0.0.7:80",
        "CAPMON_PORT_80_TCP_ADDR": "10.0.0.7",
        "CAPMON_DEMO_SERVICE_HOST": "10.0.0.8",
    }
    with pytest.raises(ConfigError, match="CAPMON_APP__PORT: no setting has this name"):
        load(environ={"CAPMON_APP__PORT": "80"}, cwd=tmp_path)
    assert load(environ=environ, cwd=tmp_path).settings == load(environ={}, cwd=tmp_path).settings


def test_a_variable_in_a_value_cannot_add_structure(tmp_path: Path) -> None:
    """It is put in after the YAML is read, so that colons and line breaks stay text."""
    write(tmp_path / "capmon.yaml", "app:\n  name: ${NAME}\n  url: ${URL:-http://web}/api\n")
    loaded = load(environ={"NAME": "x\n  verify: false", "URL": ""}, cwd=tmp_path)
    assert loaded.settings.app.name == "x\n  verify: false"
    assert loaded.settings.app.verify is True
    assert loaded.settings.app.url == "http://web/api"


def test_a_doubled_dollar_is_the_text_itself(tmp_path: Path) -> None:
    """What looks like a variable can be written."""
    write(tmp_path / "capmon.yaml", "app: {name: 'cost $5 $${HOME} $$'}")
    loaded = load(environ={"HOME": "/root"}, cwd=tmp_path)
    assert loaded.settings.app.name == "cost $5 ${HOME} $$"


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    """Missing, a folder, a pipe without a writer, not UTF-8, far too large: each in words."""
    assert reason(tmp_path / "none.yaml") == "none.yaml: no such file"
    (tmp_path / "folder.yaml").mkdir()
    assert reason(tmp_path / "folder.yaml") == "folder.yaml: a directory, not a file"
    os.mkfifo(tmp_path / "pipe.yaml")
    assert reason(tmp_path / "pipe.yaml") == "pipe.yaml: not a regular file"
    (tmp_path / "latin.yaml").write_bytes(b"interval: 1s\ntheme: caf\xe9\n")
    assert reason(tmp_path / "latin.yaml") == "latin.yaml:2: not UTF-8: the byte 0xe9"
    (tmp_path / "huge.yaml").write_bytes(b"#" * (LARGEST + 1))
    assert (
        reason(tmp_path / "huge.yaml") == "huge.yaml: larger than 1 MiB, which no configuration is"
    )
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nowhere")
    assert reason(tmp_path / "dangling.yaml") == "dangling.yaml: no such file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_says_so(tmp_path: Path) -> None:
    """A file that is there and may not be read is an error, not a default."""
    path = write(tmp_path / "capmon.yaml", "theme: day")
    path.chmod(0)
    assert reason(path) == "capmon.yaml: permission denied"


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    """The limit is exactly 1 MiB."""
    text = b"theme: day\n"
    path = tmp_path / "capmon.yaml"
    path.write_bytes(text + b"#" * (LARGEST - len(text)))
    assert load(path, environ={}).settings.theme == "day"


def test_the_first_paint_waits_for_no_parser(tmp_path: Path) -> None:
    """Without a file nothing heavy is imported; with one, YAML alone."""
    program = """
import sys
from pathlib import Path
from capmon.config.load import load
heavy = {"yaml", "jmespath", "httpx", "numpy", "msgspec", "psutil", "difflib", "textual"}
load(Path(sys.argv[1]) if len(sys.argv) > 1 else None, environ={}, cwd=Path("/nonexistent"))
print(*sorted(heavy & set(sys.modules)))
"""
    path = write(tmp_path / "capmon.yaml", "interval: 2s")
    runs = [[], [str(path)]] if not SYSTEM_FILE.exists() else [[str(path)]]
    for arguments in runs:
        command = [sys.executable, "-c", program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.split() == (["yaml"] if arguments else [])
