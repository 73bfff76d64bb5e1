"""The shipped file, the JSON Schema and `config show` all say what the types say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from capmon.config.json_schema import docstrings
from capmon.config.load import default_file, explain, load, settings_schema
from capmon.config.schema import Duration, Ratio, Settings, Size
from capmon.config.shape import QUANTITIES, leaves
from capmon.config.write import quantity, quote
from capmon.resources import resource

EXAMPLE = re.compile(r"^( *)#(  \S+: .*|  - .*)$", re.MULTILINE)


def load_text(folder: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    """The settings of a file with this text."""
    path = folder / "capmon.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, environ=environ or {}).settings


def keys_of(node: Any, prefix: str = "") -> set[str]:
    """Dotted keys of everything in a document."""
    if not isinstance(node, dict):
        return {prefix}
    inner = [keys_of(v, f"{prefix}.{k}" if prefix else k) for k, v in node.items()]
    return {prefix}.union(*inner)


def test_the_shipped_file_is_the_defaults(tmp_path: Path) -> None:
    """What it says is what holds without it."""
    assert load_text(tmp_path, default_file()) == Settings()


def test_the_shipped_file_has_every_setting() -> None:
    """Nothing can be set that it does not mention, and nothing is mentioned that cannot be set."""
    written = keys_of(yaml.safe_load(default_file()))
    assert set(leaves(Settings)) <= written
    sections = {key[:i] for key in leaves(Settings) for i, c in enumerate(key) if c == "."}
    assert written - {""} == set(leaves(Settings)) | sections


@pytest.mark.parametrize("source", ["json", "openmetrics"])
def test_the_examples_in_the_shipped_file_work(tmp_path: Path, source: str) -> None:
    """Taking the comment sign away gives settings that load."""
    other = "metric: " if source == "json" else "path: "
    text = EXAMPLE.sub(lambda m: m[0] if other in m[0] else f"{m[1]} {m[2]}", default_file())
    text = text.replace("source: json", f"source: {source}")
    found = load_text(tmp_path, text, {"APP_TOKEN": "x"})
    assert found.app.headers == {"Authorization": "Bearer x"}
    assert found.scaling.limits[0].total == 100
    assert found.keys == {"quit": "q,ctrl+c"}
    assert ("db.status" in found.app.fields) == (source == "json")
    assert len(found.app.fields) == (6 if source == "json" else 2)


def test_every_setting_is_documented() -> None:
    """A field without a docstring would be a key without help."""
    last = {(key.rpartition(".")[2]) for key in leaves(Settings)}
    assert last <= {key for _, key in docstrings()}
    assert all(text and text.endswith((".", "]", ")")) for text in docstrings().values())


def test_the_schema_in_the_tree_is_that_of_the_types() -> None:
    """`python -m capmon.config.json_schema > schemas/config.schema.json` makes it."""
    stored = json.loads(resource("schemas/config.schema.json").read_text(encoding="utf-8"))
    assert stored == settings_schema()


def test_the_schema_is_one_and_takes_the_shipped_file() -> None:
    """Draft 2020-12, and the defaults are valid."""
    schema = settings_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(default_file()))


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("interval: 1m30s", True),
        ("interval: 2", True),
        ("interval: fast", False),
        ("interval: ${PACE}", True),
        ("intervall: 1s", False),
        ("app:", True),
        ("app: web", False),
        ("app: {source: prom}", False),
        ("app: {verify: false}", True),
        ("app: {fields: {cache.hit_ratio: {path: x, unit: '%'}}}", True),
        ("app: {fields: {cache.hit_ratio: {pth: x}}}", False),
        ("host: {disks: [/]}", True),
        ("host: {disks: auto}", True),
        ("host: {disks: all}", False),
        ("scaling: {min: 0}", False),
        ("scaling: {limits: [{name: a, per_replica: 1, total: 2}]}", True),
        ("scaling: {limits: [{name: a}]}", False),
        ("thresholds: {cpu: {warning: 0.6, for: 1m}}", True),
        ("thresholds: {cpu: {warning: 60}}", False),
    ],
)
def test_the_schema_and_the_loader_agree(tmp_path: Path, text: str, valid: bool) -> None:
    """An editor marks what the loader refuses, and nothing else."""
    validator = jsonschema.Draft202012Validator(settings_schema())
    assert validator.is_valid(yaml.safe_load(text)) is valid
    try:
        load_text(tmp_path, text, {"PACE": "1s"})
    except Exception as error:
        assert type(error).__name__ == "ConfigError"
        assert not valid
    else:
        assert valid


CHANGED = """\
interval: 1500ms
window: 24h
host: {disks: [/, "/mnt/a b", "/x,y"], network: [eth0], processes_interval: 1d}
app:
  name: "yes: a # 'quoted' \\" \\\\ name {x} \\t é"
  headers: {Accept: "text/plain; q=0.5", X-Empty: "", X-Literal: "$${HOME}"}
  fields:
    http.server.request.duration.p95: {from: /m, path: 'a."b-c"[0]', unit: ms}
    'system.filesystem.utilization{mountpoint="/"}': {path: disk}
thresholds: {cpu: {warning: 33.3%, critical: 0.923456789}, latency_p95: {warning: 1.2345ms}}
scaling:
  target: {kind: command, read: [./count, "", "a,b", "[x]"], write: [scale, "{replicas}"]}
  limits: [{name: database connections, per_replica: 2.5, total: 100}, {name: b, per_replica: 1, total: 2}]
keys: {quit: "q,ctrl+c", "null": "no"}
"""


def test_what_is_shown_loads_again_as_the_same_settings(tmp_path: Path) -> None:
    """`config show` is a configuration, each value with its origin behind it."""
    (tmp_path / "capmon.yaml").write_text(CHANGED, encoding="utf-8")
    loaded = load(environ={}, cwd=tmp_path)
    shown = explain(loaded)
    assert load_text(tmp_path, shown) == loaded.settings
    assert "interval: 1500ms                          # capmon.yaml:1" in shown
    assert "theme: night                              # default" in shown
    assert keys_of(yaml.safe_load(shown)) >= set(leaves(Settings))


def test_every_value_has_an_origin(tmp_path: Path) -> None:
    """No key of the settings is left out."""
    assert set(leaves(Settings)) <= set(load(environ={}, cwd=tmp_path).origins)


@given(st.sampled_from([Duration, Ratio, Size]), st.floats(0, 1) | st.floats(0, 1e15))
def test_a_written_quantity_reads_back_exactly(kind: Any, value: float) -> None:
    """Rounding for looks never changes a setting."""
    if kind is Ratio and value > 1:
        value = 1 / value
    assert QUANTITIES[kind].parse(quantity(kind, value)) == value


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_quoted_text_reads_back_exactly(text: str) -> None:
    """Whatever YAML would take it for, alone or inside brackets."""
    assert yaml.load(f"a: {quote(text)}  # x", Loader=yaml.BaseLoader) == {"a": text}
    assert yaml.load(f"a: [{quote(text)}, b]", Loader=yaml.BaseLoader) == {"a": [text, "b"]}
