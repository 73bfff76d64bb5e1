"""Settings from `CAPMON_*` variables and from flags, as tables that lie over the file's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from capmon.config.faults import Faults, nearest, printable
from capmon.config.nodes import Entry, Layer, Node, Place, Table, Text, merge
from capmon.config.schema import Settings
from capmon.config.shape import (
    Hint,
    alternatives,
    is_list,
    is_mapping,
    is_section,
    leaves,
    member,
    settings_of,
)

PREFIX = "CAPMON_"
"""What the name of every variable begins with."""

RESERVED = ("CAPMON_CONFIG",)
"""Variables that begin like settings and are none."""

_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?$")
"""Kubernetes gives every pod such variables for each service, and one may be called capmon."""


def from_environment(environ: Mapping[str, str], faults: Faults) -> Table:
    """Settings from `CAPMON_APP__URL` and the like; two underscores lead into a section."""
    table = Table(Place(Layer.ENVIRONMENT, "environment"))
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in RESERVED or _is_service_link(name):
            continue
        place = Place(Layer.ENVIRONMENT, printable(name))
        path = _by_variable(name.removeprefix(PREFIX).split("__"))
        if path is None:
            near = nearest(name, variables())
            advice = (
                f"; did you mean {near}?" if near else "; `capmon config show` lists the settings"
            )
            faults.add(place, "", f"no setting has this name{advice}")
        else:
            table = merge(table, _nested(path, environ[name], place, faults))
    return table


def _is_service_link(name: str) -> bool:
    """Whether a cluster set the variable; two underscores mean that a person did."""
    rest = name.removeprefix(PREFIX)
    return "__" not in rest and _SERVICE_LINK.search(f"_{rest}") is not None


def from_flags(overrides: Mapping[str, str], faults: Faults) -> Table:
    """Settings by dotted key, such as `app.url`."""
    table = Table(Place(Layer.FLAG, "flags"))
    for dotted, text in overrides.items():
        place = Place(Layer.FLAG, "--set " + printable(dotted))
        path = _by_key(dotted.split("."))
        if path is None:
            near = nearest(dotted, leaves(Settings))
            faults.add(
                place, "", f"no setting has this name{f'; did you mean {near}?' if near else ''}"
            )
        else:
            table = merge(table, _nested(path, text, place, faults))
    return table


def variables() -> Iterable[str]:
    """The variable of every setting."""
    return (PREFIX + key.upper().replace(".", "__") for key in leaves(Settings))


_Path = tuple[list[str], Hint]
"""Keys from the root to a setting, and its type."""


def _by_variable(parts: list[str]) -> _Path | None:
    """The setting that upper-case names lead to; free names, such as a header's, become lower case."""
    hint: Hint = Settings
    path: list[str] = []
    for part in parts:
        if is_section(hint):
            known = {name.upper(): setting for name, setting in settings_of(hint).items()}
            if part not in known:
                return None
            hint = known[part].hint
            path.append(known[part].key)
        elif is_mapping(hint) and part and not is_section(member(hint)):
            hint = member(hint)
            path.append(part.lower())
        else:
            return None
    return path, hint


def _by_key(parts: list[str]) -> _Path | None:
    """The setting that a dotted key leads to; a free name may hold dots itself."""
    hint: Hint = Settings
    for i, part in enumerate(parts):
        if is_mapping(hint):
            return _in_mapping(parts[:i], parts[i:], member(hint))
        if not is_section(hint) or part not in settings_of(hint):
            return None
        hint = settings_of(hint)[part].hint
    return parts, hint


def _in_mapping(path: list[str], rest: list[str], of: Hint) -> _Path:
    if is_section(of) and len(rest) > 1 and rest[-1] in settings_of(of):
        return [*path, ".".join(rest[:-1]), rest[-1]], settings_of(of)[rest[-1]].hint
    return [*path, ".".join(rest)], of


def _nested(path_and_hint: _Path, text: str, place: Place, faults: Faults) -> Table:
    path, hint = path_and_hint
    node = _node(hint, text, place, faults)
    for name in reversed(path):
        node = Table(place, {name: Entry(place, node)})
    assert isinstance(node, Table)  # noqa: S101 - the path is never empty
    return node


def _node(hint: Hint, text: str, place: Place, faults: Faults) -> Node:
    """A list or a section is written as in YAML; everything else is taken to the letter."""
    composite = any(is_list(h) or is_mapping(h) or is_section(h) for h in alternatives(hint))
    if composite and text.lstrip()[:1] in {"[", "{"}:
        from capmon.config.parse import parse

        node = parse(text, place.layer, place.name, faults)
        if node is not None:
            return node
        return Text(place, "", plain=True)
    return Text(place, text)
