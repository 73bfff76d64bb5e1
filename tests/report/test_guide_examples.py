"""The table of the guide's examples: right values that are computed, a layout that holds."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from capmon.cli import main
from capmon.report import guide_inputs as given
from capmon.report.example import Example
from capmon.report.guide_examples import as_document, as_table, examples
from capmon.report.guide_table import figure

VECTORS = Path(__file__).parents[1] / "data" / "vectors" / "guide.json"
GOLDEN: dict[str, Any] = json.loads(VECTORS.read_text(encoding="utf-8"))
REFERENCE = GOLDEN["_corrected_reference"]
RELATIVE = 1e-6

Leaf = tuple[str, ...]


@cache
def found() -> dict[str, Example]:
    """Every example by its key."""
    return {e.key: e for e in examples()}


def right(key: str) -> float:
    """A right value that is a number."""
    value = found()[key].right
    assert isinstance(value, int | float)
    return value


def theirs(key: str) -> float:
    """A value of the guide that is a number."""
    value = found()[key].guide
    assert isinstance(value, int | float)
    return value


def expected() -> dict[Leaf, float]:
    """Our figure for each leaf of the reference."""
    ours: dict[Leaf, float] = {
        ("cpu_ms_per_request", "seed"): theirs("cpu_per_request"),
        ("cpu_ms_per_request", "correct(4 cores)"): right("cpu_per_request"),
        ("memory_per_concurrent_mb", "seed"): theirs("memory_per_concurrent"),
        ("memory_per_concurrent_mb", "regression_slope"): right("memory_per_concurrent"),
        ("memory_per_concurrent_mb", "base_mb"): right("memory_base"),
        ("cpu_seconds_per_hour_4_cores", "seed"): theirs("cpu_seconds_per_hour"),
        ("cpu_seconds_per_hour_4_cores", "correct"): right("cpu_seconds_per_hour"),
        ("cpu_seconds_per_hour_4_cores", "at80%"): right("cpu_seconds_at_target"),
        ("predict_capacity_growth3_ceil", "cpu_cores"): right("growth3_cores"),
        ("predict_capacity_growth3_ceil", "memory_gb"): right("growth3_memory"),
        ("predict_capacity_growth3_ceil", "cache_size_mb"): right("growth3_cache"),
        ("predict_capacity_growth3_ceil", "db_connections"): right("growth3_connections"),
        ("db_pool", "per_instance"): given.CONNECTIONS_PER_INSTANCE,
        ("db_pool", "total"): given.CONNECTIONS,
        ("db_pool", "max_instances_supported"): right("replicas_by_pool"),
        ("db_pool", "configured_max_instances"): theirs("replicas_by_pool"),
        ("growth_daily_requests", "R2", "lin"): theirs("growth_r_squared"),
        ("growth_daily_requests", "R2", "log"): right("growth_r_squared"),
        ("growth_daily_requests", "R2", "growth_per_week_pct"): right("growth_per_week"),
        ("growth_daily_requests", "R2", "doubling_days"): right("doubling_days"),
    }
    for days in ("1", "30", "90"):
        at = ("growth_daily_requests", days)
        line, bend = found()[f"interval_{days}d"], found()[f"exponential_{days}d"]
        assert line.low is not None and line.high is not None
        assert bend.low is not None and bend.high is not None
        half, narrow = right(line.key), theirs(line.key)
        ours |= {
            (*at, "linear"): theirs(bend.key),
            (*at, "pi95", "0"): line.low,
            (*at, "pi95", "1"): line.high,
            (*at, "half"): half,
            (*at, "seed_half"): narrow,
            (*at, "ratio"): half / narrow,
            (*at, "exp"): right(bend.key),
            (*at, "exp_pi95", "0"): bend.low,
            (*at, "exp_pi95", "1"): bend.high,
        }
    return ours


def leaves(part: Any, path: Leaf = ()) -> dict[Leaf, float]:
    """Every number of a tree by its path."""
    if not isinstance(part, dict | list):
        return {path: part}
    inside = part.items() if isinstance(part, dict) else enumerate(part)
    return {k: v for name, sub in inside for k, v in leaves(sub, (*path, str(name))).items()}


@pytest.mark.parametrize("path", list(leaves(REFERENCE)), ids="-".join)
def test_right_values_equal_the_reference(path: Leaf) -> None:
    """Each right value is what an independent calculation gave, and so is the guide's beside it."""
    assert math.isclose(expected()[path], leaves(REFERENCE)[path], rel_tol=RELATIVE)


def test_right_values_leave_none_of_the_reference_out() -> None:
    """Every number of the reference is compared, and nothing is compared that is not there."""
    assert expected().keys() == leaves(REFERENCE).keys()


def test_inputs_are_the_guides() -> None:
    """The figures that the examples start from are those of the guide's own code."""
    workload = GOLDEN["WorkloadAnalyzer"]
    assert list(given.SAMPLE) == workload["sample_metrics"]
    added = workload["calculate_resource_per_request_with_cache_columns"]["added"]
    assert {name: [row[name] for row in given.CACHED] for name in added} == added
    inputs = GOLDEN["ResourceConsumptionModel"]["inputs"]
    assert {name: list(getattr(given, name.upper())) for name in inputs} == inputs
    history = GOLDEN["GrowthAnalyzer"]["historical_data"]
    rows = [{k: row[k] for k in ("timestamp", "daily_requests")} for row in history]
    assert list(given.HISTORY) == rows


def test_models_of_the_guide_bind_where_they_say() -> None:
    """CPU reaches 80 % at 130.1 and p95 250 ms at 127.9 requests per second, each in its interval."""
    cpu, p95 = found()["cpu_80_at"], found()["p95_objective_at"]
    assert right("cpu_80_at") == pytest.approx((80 - 13.3125) / 0.5125, rel=RELATIVE)
    model = GOLDEN["ResourceConsumptionModel"]["models"]["response_time"]
    at = math.log(250 / model["a"]) / model["b"]
    assert right("p95_objective_at") == pytest.approx(at, rel=RELATIVE)
    assert right("p95_objective_at") < right("cpu_80_at")
    for e in (cpu, p95):
        assert e.low is not None and e.high is not None
        assert e.low < right(e.key) < e.high


def test_response_time_model_is_the_guides() -> None:
    """Both coefficients agree; R² is of milliseconds and not of the logarithm."""
    model = GOLDEN["ResourceConsumptionModel"]["models"]["response_time"]
    for name in ("a", "b"):
        assert right(f"p95_{name}") == pytest.approx(model[name], rel=1e-9)
        assert theirs(f"p95_{name}") == pytest.approx(model[name], rel=1e-9)
    pairs = list(zip(given.REQUEST_RATES, given.RESPONSE_TIMES, strict=True))
    mean = sum(y for _, y in pairs) / len(pairs)
    left = sum((y - model["a"] * math.exp(model["b"] * x)) ** 2 for x, y in pairs)
    total = sum((y - mean) ** 2 for _, y in pairs)
    assert right("p95_r_squared") == pytest.approx(1 - left / total, rel=RELATIVE)


@pytest.mark.parametrize(
    ("key", "guide_says", "right_is"),
    [
        ("cores_at_100", 1, 4),
        ("cores_at_500", 144, 14),
        ("cooldown_after_a_day", "refused", "allowed"),
        ("count_when_docker_fails", 1, None),
        ("command_when_docker_fails", "scale to 2", "none"),
        ("scale_up_at_most", "scale to 10", "refused"),
        ("urgency_not_triggered", "high", "none"),
        ("cache_between_thresholds", "none", "medium"),
        ("database_not_reported", "critical", None),
        ("cache_not_reported", "poor", None),
    ],
)
def test_decisions_are_set_right(key: str, guide_says: object, right_is: object) -> None:
    """What the guide decides, and what capmon's own limits and rules decide."""
    assert (found()[key].guide, found()[key].right) == (guide_says, right_is)


def test_each_example_has_a_reason_and_a_key_of_its_own() -> None:
    """Nothing stands in the table without its why."""
    assert len(found()) == len(examples())
    assert [e.key for e in examples() if not e.why or not e.what or not e.section] == []


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_table_keeps_to_its_width(width: int) -> None:
    """No line is longer than the terminal, none ends in blanks, and there are no control codes."""
    lines = as_table(examples(), width).splitlines()
    assert max(map(len, lines)) <= width
    assert [line for line in lines if line != line.rstrip()] == []
    assert [c for c in "".join(lines) if not c.isprintable()] == []


@pytest.mark.parametrize("width", [80, 120])
def test_table_is_aligned(width: int) -> None:
    """Every value ends in the column of its heading, whatever stands in it."""
    lines = as_table(examples(), width).splitlines()
    ends = [lines[0].index(word) + len(word) for word in ("guide", "right")]
    rows = [line for line in lines if any(line.startswith(e.what) for e in examples())]
    assert len(rows) == len(examples())
    for line in rows:
        assert [bool(re.match(r"\S(?:  |$)", line[end - 1 :])) for end in ends] == [True, True]


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_table_parts_no_number(width: int) -> None:
    """A number is never broken, nor parted from the word behind it."""
    text = as_table(examples(), width)
    for e in examples():
        for number in re.findall(r"\d[\d.,–]*(?: [^\s(;,:]+)?", e.why):
            assert number.rstrip(",.") in text


def test_table_shows_both_values_of_each_example() -> None:
    """The guide's value and the right one stand on the line of their name."""
    lines = as_table(examples(), 120).splitlines()
    for e in examples():
        line = next(line for line in lines if line.startswith(f"{e.what}  "))
        for value in (e.guide, e.right):
            shown = value if isinstance(value, str) else figure(value) if value is not None else ""
            assert shown in line


@pytest.mark.parametrize(
    ("value", "shown"),
    [(777.7777, "777.8"), (31.1111, "31.1"), (14400.0, "14,400"), (8, "8"), (0.99831, "0.998"), (0.009646, "0.00965"), (-2.5, "-2.50")],
)  # fmt: skip
def test_figure_has_three_digits_at_least(value: float, shown: str) -> None:
    """Large numbers are whole and grouped, small ones keep their digits."""
    assert figure(value) == shown


def test_command_prints_the_table_on_a_pipe() -> None:
    """Plain text, one heading, every example."""
    run = CliRunner().invoke(main, ["guide"], env={"COLUMNS": "100"})
    assert run.exit_code == 0
    assert run.stdout == as_table(examples(), 100)
    assert "\x1b" not in run.stdout


def test_command_prints_json() -> None:
    """The same examples as a document, numbers as numbers and unknown as null."""
    run = CliRunner().invoke(main, ["guide", "--json"])
    assert run.exit_code == 0
    document = json.loads(run.stdout)
    assert document == json.loads(json.dumps(as_document(examples())))
    lost = next(e for e in document["examples"] if e["key"] == "count_when_docker_fails")
    assert lost["right"] is None
