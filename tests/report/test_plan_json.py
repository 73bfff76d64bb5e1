"""The capacity plan as JSON: versioned, valid against its schema, moments as moments."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

import jsonschema
import pytest
from plan_golden import compare

from capmon.model.plan import Plan
from capmon.report.plan_json import KIND, as_document, as_json
from capmon.report.plan_schema import plan_schema
from capmon.snapshot import is_moment
from capmon.snapshot_read import revived
from capmon.snapshot_schema import docstrings

sys.path.append(str(Path(__file__).parents[1] / "ui"))
import frames_plan as made

SCHEMA_FILE = Path(__file__).parents[2] / "schemas" / "plan.schema.json"


def closed(schema: Any) -> Any:
    """The schema with nothing allowed that it does not name."""
    if isinstance(schema, list):
        return [closed(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {k: closed(v) for k, v in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        inner["additionalProperties"] = False
    return inner


VALIDATOR = jsonschema.Draft202012Validator(closed(plan_schema()))


def test_the_schema_in_the_tree_is_that_of_the_types() -> None:
    """Whoever changes a type writes the schema anew."""
    fresh = json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n"
    assert SCHEMA_FILE.read_text(encoding="utf-8") == fresh, "run: make schemas"


def test_the_schema_is_one() -> None:
    """It follows its own dialect, and describes everything it names."""
    schema = plan_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for name, entry in schema["$defs"].items():
        assert entry["description"], name
        for field, inner in entry.get("properties", {}).items():
            assert inner["description"], f"{name}.{field}"
    assert set(schema["$defs"]["Plan"]["properties"]) == {f.name for f in dataclasses.fields(Plan)}


@pytest.mark.parametrize("name", made.ALL)
def test_plans_are_valid(name: str) -> None:
    """Every plan passes, one of hostile words and numbers too."""
    document = json.loads(as_json(made.ALL[name]()))
    assert [e.message for e in VALIDATOR.iter_errors(document)] == []
    assert document["kind"] == KIND


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.update(kind="capmon.snapshot"),
        lambda d: d.update(schema_version="2.0"),
        lambda d: d["plan"].update(until=0.0),
        lambda d: d["plan"]["chapters"][0]["figures"][0].pop("evidence"),
        lambda d: d["plan"]["chapters"][0].update(answer=None),
    ],
)
def test_the_schema_refuses_what_is_not_so(spoil: Any) -> None:
    """Another kind, another version, a number for a moment and a missing field are found."""
    document = as_document(made.rich())
    spoil(document)
    assert list(VALIDATOR.iter_errors(document))


def types_below(cls: Any, seen: set[type]) -> set[type]:
    """All dataclasses that a plan can hold."""
    if dataclasses.is_dataclass(cls) and isinstance(cls, type):
        if cls not in seen:
            seen.add(cls)
            for hint in get_type_hints(cls).values():
                types_below(hint, seen)
    else:
        for inner in get_args(cls):
            types_below(inner, seen)
    return seen


def test_unix_times_and_moments_are_the_same_fields() -> None:
    """A field whose docstring says Unix time is written as a moment; x of a chart stays a number."""
    for cls in types_below(Plan, set()):
        docs = docstrings(cls)
        for field in dataclasses.fields(cls):
            if (cls.__name__, field.name) != ("Line", "x"):
                says = docs[field.name].startswith("Unix time")
                assert says == is_moment(cls, field.name), f"{cls.__name__}.{field.name}"


def test_a_plan_comes_back_as_it_was() -> None:
    """What is written can be read into the same values."""
    plan = made.rich()
    back = revived(Plan, json.loads(as_json(plan))["plan"])
    assert json.loads(as_json(back)) == json.loads(as_json(plan))
    assert back.chapters[5].steps == plan.chapters[5].steps


def test_a_rich_plan_is_the_golden_one() -> None:
    """The same plan gives the same bytes, today and later."""
    document = as_document(made.rich())
    document["version"] = "x"
    compare("rich.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")
