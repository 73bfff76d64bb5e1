"""Load the configuration: find the file, read it, lay variables and flags over it, check all of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from capmon.config.checks import check
from capmon.config.faults import Faults
from capmon.config.find import find, read
from capmon.config.loaded import Loaded
from capmon.config.nodes import Layer, Place, Table, merge
from capmon.config.overrides import from_environment, from_flags
from capmon.config.validate import Reader
from capmon.errors import ConfigError
from capmon.resources import resource

__all__ = ["Loaded", "default_file", "explain", "load", "settings_schema"]

NOTHING: Mapping[str, str] = MappingProxyType({})
"""No overrides."""


def load(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] = NOTHING,
    cwd: Path | None = None,
) -> Loaded:
    """Load the settings that hold here.

    Args:
        path: The file to read; None searches for one.
        environ: Variables; None for those of the process.
        overrides: Values of flags by dotted key, such as `app.url`.
        cwd: Where the search begins; None for the working directory.

    Raises:
        ConfigError: With every fault of the file, the variables and the flags at once.
    """
    environ = os.environ if environ is None else environ
    faults = Faults()
    root = Table(Place(Layer.FILE, "capmon.yaml"))
    untrusted = ""
    found = find(path, environ, cwd)
    if found is not None:
        source = read(found, cwd)
        untrusted = source.untrusted
        root = _file_table(source.text, source.name, faults)
    for layer in (from_environment(environ, faults), from_flags(overrides, faults)):
        root = merge(root, layer)
    reader = Reader(environ, faults)
    settings = reader.settings(root)
    check(settings, reader, faults)
    if faults:
        raise ConfigError(faults.lines())
    origins = {key: str(place) for key, place in reader.leaves.items()}
    return Loaded(settings, origins, found, untrusted, reader.shown)


def _file_table(text: str, name: str, faults: Faults) -> Table:
    """The file's table, without entries when it is empty.

    Raises:
        ConfigError: The file is not YAML.
    """
    from capmon.config.parse import parse

    place = Place(Layer.FILE, name)
    node = parse(text, Layer.FILE, name, faults)
    if isinstance(node, Table):
        return node
    if node is None and faults:
        # What the rest of the file says is not known, so nothing can be said about it.
        raise ConfigError(faults.lines())
    if node is not None:
        faults.add(node.place, "", "expected settings such as 'interval: 1s', one a line")
    return Table(place)


def default_file() -> str:
    """The commented file with every default, for `capmon config init`."""
    return resource("capmon.yaml").read_text(encoding="utf-8")


def explain(loaded: Loaded) -> str:
    """The settings as YAML, each value followed by its origin, without secrets."""
    from capmon.config.explain import as_text

    return as_text(loaded)


def settings_schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12, of a configuration file."""
    from capmon.config.json_schema import settings_schema as schema

    return schema()
