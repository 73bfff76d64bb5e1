"""JSON Schema of capmon.yaml, made from the settings' types and docstrings, for editors."""

from __future__ import annotations

from typing import Any

from capmon.config.schema import Duration, Ratio, Settings, Size
from capmon.config.shape import (
    QUANTITIES,
    Hint,
    alternatives,
    is_list,
    is_mapping,
    is_optional,
    is_section,
    least_whole,
    literals,
    member,
    settings_of,
)
from capmon.config.write import written

DIALECT = "https://json-schema.org/draft/2020-12/schema"
"""The version of JSON Schema."""

VARIABLE = {"type": "string", "pattern": r"\$\{"}
"""A value that comes from a variable, which only the loader can check."""

_NUMBER = r"(\d+\.?\d*|\.\d+)"
PATTERNS = {
    Duration: rf"^\s*({_NUMBER}\s*(ns|us|µs|ms|s|m|h|d|w)?|({_NUMBER}\s*(ns|us|µs|ms|s|m|h|d|w)\s*)+)\s*$",
    Ratio: rf"^\s*{_NUMBER}\s*%?\s*$",
    Size: rf"^\s*{_NUMBER}\s*([kKMGTP]?B|[KMGTP]iB|[KMGT]i)?\s*$",
}
"""How each quantity is written."""

Schema = dict[str, Any]
"""A JSON Schema."""


def settings_schema() -> Schema:
    """JSON Schema, draft 2020-12, of a configuration file."""
    docs = docstrings()
    return {
        "$schema": DIALECT,
        "title": "capmon.yaml",
        "description": "Configuration of capmon. Every key has a default.",
        **_section(Settings, Settings(), docs),
        "$defs": {q.__name__: _quantity(q) for q in QUANTITIES} | {"Variable": VARIABLE},
    }


def docstrings() -> dict[tuple[str, str], str]:
    """The docstring under each field of the settings, by class and key."""
    import ast
    import inspect

    from capmon.config import planning, scaling, schema

    found = {}
    sources = (inspect.getsource(module) for module in (schema, scaling, planning))
    for node in (node for text in sources for node in ast.parse(text).body):
        if not isinstance(node, ast.ClassDef):
            continue
        for field, text in zip(node.body, node.body[1:], strict=False):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(doc))),
                ):
                    found[node.name, name.rstrip("_")] = doc
    return found


def _quantity(hint: Hint) -> Schema:
    limits: Schema = {"minimum": 0, "maximum": 1} if hint is Ratio else {"minimum": 0}
    return {
        "description": f"Expects {QUANTITIES[hint].expected}.",
        "anyOf": [
            {"type": "string", "pattern": PATTERNS[hint]},
            {"type": "number", **limits},
            {"$ref": "#/$defs/Variable"},
        ],
    }


def _section(cls: type, defaults: Any, docs: dict[tuple[str, str], str]) -> Schema:
    properties = {}
    for setting in settings_of(cls).values():
        default = getattr(defaults, setting.attribute, None)
        entry = {
            "description": docs[cls.__name__, setting.key],
            **_value(setting.hint, default, docs),
        }
        if not is_section(setting.hint) and not setting.required and default is not None:
            entry["default"] = _default(setting.hint, default)
        properties[setting.key] = entry
    required = [s.key for s in settings_of(cls).values() if s.required]
    return {
        "type": "object" if required else ["object", "null"],
        "additionalProperties": False,
        "properties": properties,
        **({"required": required} if required else {}),
    }


def _value(hint: Hint, default: Any, docs: dict[tuple[str, str], str]) -> Schema:
    options = [_option(h, default, docs) for h in alternatives(hint)]
    if is_optional(hint):
        options.append({"type": "null"})
    return options[0] if len(options) == 1 else {"anyOf": options}


def _option(hint: Hint, default: Any, docs: dict[tuple[str, str], str]) -> Schema:
    if is_section(hint):
        return _section(hint, default, docs)
    if hint in QUANTITIES:
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if is_list(hint):
        return {"type": ["array", "null"], "items": _value(member(hint), None, docs)}
    if is_mapping(hint):
        of = member(hint)
        inner = _value(of, of() if is_section(of) else None, docs)
        return {"type": ["object", "null"], "additionalProperties": inner}
    if hint is str:
        return {"type": "string"}
    return {"anyOf": [_plain(hint), {"$ref": "#/$defs/Variable"}]}


def _plain(hint: Hint) -> Schema:
    if words := literals(hint):
        return {"enum": list(words)}
    if (least := least_whole(hint)) is not None:
        return {"type": "integer", "minimum": least}
    return {"type": "boolean" if hint is bool else "number"}


def _default(hint: Hint, value: Any) -> Any:
    """A default as a file has it."""
    if isinstance(value, float):
        return written(hint, value)
    if isinstance(value, tuple):
        return list(value)
    return value


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(settings_schema(), indent=2, ensure_ascii=False) + "\n")
