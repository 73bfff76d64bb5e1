"""JSON Schema of the snapshot, made from the types of a frame and their docstrings.

`python -m capmon.snapshot_schema > schemas/snapshot.schema.json` writes it anew.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
import types
from collections.abc import Mapping
from enum import Enum
from functools import cache
from itertools import pairwise
from typing import Any, Union, get_args, get_origin, get_type_hints

from capmon.model.frame import Frame, Reading
from capmon.model.metric import Unit
from capmon.snapshot import KIND, SCHEMA_VERSION, Scene, is_moment

DIALECT = "https://json-schema.org/draft/2020-12/schema"
"""The version of JSON Schema."""

MOMENT = {"type": "string", "format": "date-time"}
"""RFC 3339 in UTC."""

NOT_FINITE = ("NaN", "infinite")
"""Words in a field's docstring that say that its numbers may be none, which JSON writes as null."""

Schema = dict[str, Any]
"""A JSON Schema."""


def snapshot_schema() -> Schema:
    """JSON Schema, draft 2020-12, of a snapshot.

    Fields may be added within a major version, so a document may hold more than is said here.
    """
    defs: dict[str, Schema] = {}
    frame, scene = schema_of(Frame, defs), schema_of(Scene, defs)
    defs["Reading"] = _reading()
    major = SCHEMA_VERSION.partition(".")[0]
    properties: Schema = {
        "schema_version": {
            "description": "Major and minor version; a minor one adds fields, a major one changes them.",
            "type": "string",
            "pattern": rf"^{major}\.[0-9]+$",
        },
        "kind": {"description": "What the document is.", "const": KIND},
        "made_at": {"description": "Moment of the tick.", **MOMENT},
        "versions": {
            "description": "Versions of capmon, Python and the packages that it uses.",
            **object_of({"capmon": {"type": "string"}, "python": {"type": "string"}}),
            "additionalProperties": {"type": "string"},
        },
        "config": {
            "description": "Where the configuration came from; values are not among it.",
            **object_of(
                {"path": _optional({"type": "string"}), "origins": _map({"type": "string"})}
            ),
        },
        "scene": {"description": "What the screen showed; null without one.", **_optional(scene)},
        "frame": {"description": "What the monitor knew.", **frame},
    }
    return {
        "$schema": DIALECT,
        "title": "capmon snapshot",
        "description": "One tick of capmon. Times are RFC 3339 in UTC, values are in base units, and null is not known.",
        **object_of(properties),
        "$defs": dict(sorted(defs.items())),
    }


def object_of(properties: Schema) -> Schema:
    """Schema of an object that has all of these."""
    return {"type": "object", "required": list(properties), "properties": properties}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _optional(schema: Schema) -> Schema:
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    return schema if _takes_null(schema) else {"anyOf": [schema, {"type": "null"}]}


def _takes_null(schema: Schema) -> bool:
    return isinstance(schema.get("type"), list) and "null" in schema["type"]


def _reading() -> Schema:
    """A reading as the document has it: with its unit and its age."""
    docs = docstrings(Reading)
    return {
        "description": docs[""],
        **object_of(
            {
                "value": {"description": docs["value"], "type": ["number", "null"]},
                "unit": {
                    "description": "Base unit, in the notation of UCUM.",
                    "enum": [str(u) for u in Unit],
                },
                "at": {
                    "description": "Moment at which it was measured, or was last known.",
                    **_optional(MOMENT),
                },
                "age_seconds": {
                    "description": "Seconds between then and the tick.",
                    "type": ["number", "null"],
                    "minimum": 0,
                },
                "reason": {
                    "description": "Why it is not known; null when it is.",
                    "type": ["string", "null"],
                },
            }
        ),
    }


def schema_of(hint: Any, defs: dict[str, Schema], *, finite: bool = True) -> Schema:
    """Schema of one type; what has a name goes into `defs` and is referred to."""
    if isinstance(hint, type) and (dataclasses.is_dataclass(hint) or issubclass(hint, Enum)):
        return _named(hint, defs)
    if hint is float and not finite:
        return {"type": ["number", "null"]}
    for known, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string")):
        if hint is known:
            return {"type": name}
    origin, members = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType) and len(members) == 2 and members[1] is type(None):
        return _optional(schema_of(members[0], defs, finite=finite))
    if origin in (Union, types.UnionType):
        return _one_of(members)
    if origin is tuple and members[1:] == (...,):
        return {"type": "array", "items": schema_of(members[0], defs, finite=finite)}
    if origin is tuple:
        each = [schema_of(m, defs, finite=finite) for m in members]
        return {"type": "array", "prefixItems": each, "items": False, "minItems": len(each)}
    if origin is Mapping:
        return _map(schema_of(members[1], defs, finite=finite))
    raise TypeError(f"a snapshot has no schema for {hint}")


def _one_of(members: tuple[Any, ...]) -> Schema:
    """Plain values of several types; a word of a list is a text as any."""
    names: dict[type, str] = {str: "string", float: "number", int: "number", type(None): "null"}
    found = [names[next(t for t in names if issubclass(m, t))] for m in members]
    kinds = list(dict.fromkeys(found))
    return {"type": kinds[0] if len(kinds) == 1 else kinds}


def _named(cls: type, defs: dict[str, Schema]) -> Schema:
    name = cls.__name__
    if name not in defs:
        defs[name] = {}  # stands for itself should the type hold itself
        about = {"description": docstrings(cls)[""]}
        body = {"enum": [m.value for m in cls]} if issubclass(cls, Enum) else _fields(cls, defs)
        defs[name] = about | body
    return {"$ref": f"#/$defs/{name}"}


def _fields(cls: type, defs: dict[str, Schema]) -> Schema:
    docs, hints = docstrings(cls), get_type_hints(cls)
    properties = {}
    for name, hint in hints.items():
        if is_moment(cls, name):
            schema = _optional(MOMENT) if type(None) in get_args(hint) else MOMENT
        else:
            finite = not any(word in docs[name] for word in NOT_FINITE)
            schema = schema_of(hint, defs, finite=finite)
        properties[name] = {"description": docs[name].replace("Unix time", "Moment"), **schema}
    return object_of(properties)


@cache
def docstrings(cls: type) -> dict[str, str]:
    """The docstring under each field of a class, by name; the class's own first line under ""."""
    tree = ast.parse(inspect.getsource(sys.modules[cls.__module__]))
    body = next(n.body for n in tree.body if isinstance(n, ast.ClassDef) and n.name == cls.__name__)
    found = {"": (inspect.getdoc(cls) or "").partition("\n")[0]}
    for field, text in pairwise(body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(doc))),
            ):
                found[name] = doc
    return found


if __name__ == "__main__":
    import json

    sys.stdout.write(json.dumps(snapshot_schema(), indent=2, ensure_ascii=False) + "\n")
