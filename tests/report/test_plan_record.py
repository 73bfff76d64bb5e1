"""The plan of thirty recorded days, from a history file to Markdown and JSON."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import jsonschema
import pytest
import recorded
from plan_golden import compare

from capmon.model.plan import Plan, PlanQuestion
from capmon.planning.evidence import Evidence, gather
from capmon.planning.plan import plan
from capmon.report.plan_json import as_document, as_json
from capmon.report.plan_markdown import as_markdown
from capmon.report.plan_schema import plan_schema
from capmon.store.history_reader import HistoryReader

CHAPTERS = (
    "baseline", "models", "growth", "strategy", "bottlenecks", "infrastructure", "database", "cost",
    "alerting", "steps",
)  # fmt: skip


AHEAD = 30 * recorded.DAY
"""As far ahead as the record goes back."""


def rounded(value: Any) -> Any:
    """Numbers to five digits: the last ones depend on how a processor adds up."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    # Unix times keep their seconds.
    if isinstance(value, float) and abs(value) < 1e9:
        return float(f"{value:.5g}")
    return value


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evidence, Plan]:
    """The plan at the record's end, and what it rests on."""
    path = tmp_path_factory.mktemp("plan") / "history.db"
    recorded.record(path)
    with contextlib.closing(HistoryReader.open(path, recorded.NAME)) as reader:
        evidence = gather(reader, recorded.SETTINGS, PlanQuestion(AHEAD), recorded.UNTIL, "UTC")
        return evidence, plan(evidence)


@pytest.fixture(scope="module")
def made(planned: tuple[Evidence, Plan]) -> Plan:
    """The plan alone."""
    return planned[1]


def test_all_chapters_are_there(made: Plan) -> None:
    """The guide's ten, in its order, each with an answer; what was measured is the whole record."""
    assert tuple(c.key for c in made.chapters) == CHAPTERS
    assert all(c.answer for c in made.chapters)
    assert made.until - made.since > 29.9 * recorded.DAY
    assert made.summary


def test_the_models_find_the_truth(planned: tuple[Evidence, Plan]) -> None:
    """What a request takes of the CPU, as the record was made, lies within three standard errors."""
    (fit,) = (f for f in planned[0].fits if f.target == "system.cpu.utilization")
    slope = next(c for c in fit.coefficients if c.name == "slope")
    assert slope.std_error is not None
    assert abs(slope.value - recorded.COST) < 3 * slope.std_error
    assert slope.std_error < 0.05 * recorded.COST


def test_every_number_has_its_evidence_or_its_reason(made: Plan) -> None:
    """No figure stands alone."""
    for chapter in made.chapters:
        for figure in chapter.figures:
            assert figure.evidence or figure.reason, (chapter.key, figure.name)
            assert (figure.value is None) == bool(figure.reason), (chapter.key, figure.name)


def test_the_markdown_is_the_golden_one(made: Plan) -> None:
    """The same record gives the same text."""
    compare("thirty_days.md", as_markdown(made))


def test_the_json_is_the_golden_one_and_valid(made: Plan) -> None:
    """The same record gives the same document, and it follows its schema."""
    document = json.loads(as_json(made))
    jsonschema.Draft202012Validator(plan_schema()).validate(document)
    assert document == as_document(made)
    told = json.dumps(rounded(document["plan"]), indent=1, ensure_ascii=False) + "\n"
    compare("thirty_days.json", told)
