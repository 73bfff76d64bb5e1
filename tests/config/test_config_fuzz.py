"""Whatever is written, a configuration loads or says what is wrong; nothing else happens."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from capmon.config.load import explain, load
from capmon.config.schema import Settings
from capmon.config.shape import leaves
from capmon.errors import ConfigError

KEYS = sorted({part for key in leaves(Settings) for part in key.split(".")})
WORDS = st.sampled_from([*KEYS, "<<", "cache.hit_ratio", "db.status", "x"])
VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
    | st.sampled_from(["json", "swarm", "command", "1s", "70%", "${X}", "${Y:-1s}", "${", "{replicas}", "a.b[0]", "http://x", "`{`"])
)  # fmt: skip
TREES = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)
YAML_SIGNS = st.text("abc: -[]{}&*!|>'\"%@`#,?\n\t\\<~${}0159.ms", max_size=80)


def load_bytes(raw: bytes, environ: Mapping[str, str]) -> None:
    """Load a file of these bytes; every fault is one printable line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "capmon.yaml"
        path.write_bytes(raw)
        try:
            loaded = load(path, environ=environ, cwd=Path(folder))
        except ConfigError as error:
            assert error.faults
            for line in error.faults:
                assert line.isprintable()
                assert len(line) < 1000
        else:
            assert explain(loaded)


@given(YAML_SIGNS)
@example("a: &a [*a]")
@example("<<: [1, {interval: 1s}]")
@example("? ")
@example("app: {url: 'http://[::1'}")
@example("interval: 1e308w")
@example("a: !<")
def test_any_text_loads_or_is_refused_in_words(text: str) -> None:
    """No text that YAML may or may not read raises anything but ConfigError."""
    load_bytes(text.encode(), {"X": "v"})


@given(st.binary(max_size=60))
def test_any_bytes_load_or_are_refused_in_words(raw: bytes) -> None:
    """Nor do bytes that are no text."""
    load_bytes(raw, {})


@given(st.dictionaries(WORDS, TREES, max_size=6))
def test_any_structure_loads_or_is_refused_in_words(tree: dict[str, object]) -> None:
    """Right keys with wrong values, wrong keys with right values, at every depth."""
    load_bytes(yaml.safe_dump(tree, allow_unicode=True).encode(), {"X": "v"})


@given(
    st.dictionaries(
        st.sampled_from(
            [*leaves(Settings), "app", "app.fields.cache.hit_ratio.path", "nothing", "", "."]
        ),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | YAML_SIGNS,
        max_size=5,
    )
)
def test_any_variable_or_flag_loads_or_is_refused_in_words(texts: dict[str, str]) -> None:
    """The other two layers hold the same promise."""
    environ = {"CAPMON_" + key.upper().replace(".", "__"): text for key, text in texts.items()}
    for arguments in ({"environ": environ}, {"environ": {}, "overrides": texts}):
        try:
            load(cwd=Path("/nonexistent"), **arguments)
        except ConfigError as error:
            assert all(line.isprintable() for line in error.faults)
