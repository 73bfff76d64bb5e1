"""Every recorded outcome of the guide's own code, faults included, against `capmon.analysis.guide`."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from capmon.analysis import guide
from capmon.errors import NotEnoughData

Path_ = tuple[str, ...]
Case = tuple[Path_, Callable[[], Any]]

VECTORS = Path(__file__).parents[1] / "data" / "vectors" / "guide.json"
GOLDEN: dict[str, Any] = json.loads(VECTORS.read_text(encoding="utf-8"))
RELATIVE = 1e-9

NOT_OUTCOMES = {
    ("WorkloadAnalyzer", "sample_metrics"): "input",
    ("WorkloadAnalyzer", "calculate_resource_per_request_with_cache_columns", "added"): "input",
    ("WorkloadAnalyzer", "as_written_error"): "the example's missing import, no value of its code",
    ("ResourceConsumptionModel", "inputs"): "input",
    ("GrowthAnalyzer", "historical_data"): "input",
    ("GrowthAnalyzer", "triggers_hot", "last_row"): "input",
    ("GrowthAnalyzer", "triggers_urgency_bug", "note"): "prose",
    ("_meta",): "prose",
    ("_corrected_reference",): "the right values: compared in tests/report/test_guide_examples.py",
}
"""What the file holds besides outcomes, and why it is not compared here."""


def at(path: Path_) -> Any:
    """The recorded part at a path; lists are indexed by number."""
    part: Any = GOLDEN
    for name in path:
        part = part[int(name)] if isinstance(part, list) else part[name]
    return part


def leaves(part: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Paths of everything that is neither a mapping nor a list with something in it."""
    inside = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()  # fmt: skip
    empty = True
    for name, value in inside:
        empty = False
        yield from leaves(value, (*path, str(name)))
    if empty:
        yield path


def differences(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """Where two trees differ; numbers may by the relative tolerance."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        mine = {str(name): value for name, value in ours.items()}
        if mine.keys() != theirs.keys():
            return [f"{where}: {sorted(mine)} != {sorted(theirs)}"]
        return [d for name in theirs for d in differences(mine[name], theirs[name], f"{where}.{name}")]  # fmt: skip
    if isinstance(theirs, list) and isinstance(ours, list | tuple):
        if len(ours) != len(theirs):
            return [f"{where}: {len(ours)} != {len(theirs)} values"]
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [d for i, (o, t) in pairs for d in differences(o, t, f"{where}[{i}]")]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (ours, theirs))
    if numbers:
        alike = math.isclose(ours, theirs, rel_tol=RELATIVE, abs_tol=1e-15)
    else:
        alike = type(ours) is type(theirs) and ours == theirs
    return [] if alike else [f"{where}: {ours!r} != {theirs!r}"]


# WorkloadAnalyzer

WORKLOAD = GOLDEN["WorkloadAnalyzer"]
SAMPLE = WORKLOAD["sample_metrics"]


def workload() -> Iterator[Case]:
    """Patterns, cost of a request, capacity for growth."""
    name = "WorkloadAnalyzer"
    yield (
        (name, "stdout_with_import_json"),
        lambda: json.dumps(asdict(guide.predict_capacity_needs(SAMPLE, 3.0)), indent=2) + "\n",
    )
    yield (name, "analyze_request_patterns"), lambda: asdict(guide.analyze_request_patterns(SAMPLE))
    yield (
        (name, "calculate_resource_per_request_on_sample"),
        lambda: "KeyError: " + missing(lambda: guide.calculate_resource_per_request(SAMPLE)),
    )
    cached = "calculate_resource_per_request_with_cache_columns"
    added = WORKLOAD[cached]["added"]
    rows = [row | {k: v[i] for k, v in added.items()} for i, row in enumerate(SAMPLE)]
    yield (name, cached, "out"), lambda: asdict(guide.calculate_resource_per_request(rows))
    for key in WORKLOAD["predict_capacity_needs"]:
        growth, target = numbers(key)
        yield (
            (name, "predict_capacity_needs", key),
            lambda g=growth, t=target: asdict(guide.predict_capacity_needs(SAMPLE, g, t)),
        )


def numbers(text: str) -> list[float]:
    """The numbers in a key such as `growth=3.0,target=250`."""
    return [float(found) for found in re.findall(r"[\d.]+", text)]


def missing(call: Callable[[], Any]) -> str:
    """The quoted name that our error speaks of."""
    with pytest.raises(NotEnoughData) as raised:
        call()
    return re.findall(r"'.*'", str(raised.value))[0]


# ResourceConsumptionModel

RESOURCES = GOLDEN["ResourceConsumptionModel"]


@cache
def models() -> guide.Models:
    """The models of the guide's example."""
    given = RESOURCES["inputs"]
    return guide.Models(
        guide.build_cpu_model(given["request_rates"], given["cpu_utilizations"]),
        guide.build_memory_model(given["concurrent_users"], given["memory_usage"]),
        guide.build_response_time_model(given["request_rates"], given["response_times"]),
    )


def required(rps: float, users: float, target: float) -> dict[str, int]:
    """What the guide would have for a load."""
    return asdict(guide.calculate_scaling_requirements(models(), rps, users, target))


def resources() -> Iterator[Case]:
    """Models, predictions, requirements."""
    name = "ResourceConsumptionModel"
    yield (name, "error"), lambda: None if models() else "no models"
    yield (name, "stdout"), lambda: f"Scaling Requirements: {required(100, 50, 250)}\n"
    for kind in RESOURCES["models"]:
        yield (name, "models", kind), lambda k=kind: asdict(getattr(models(), k))
    yield (name, "scaling_reqs"), lambda: required(100, 50, 250)
    for key in RESOURCES["predict_resources"]:
        rps, users = numbers(key)
        yield (
            (name, "predict_resources", key),
            lambda r=rps, u=users: guide.predict_resources(models(), r, u),
        )
    for key in RESOURCES["calculate_scaling_requirements"]:
        rps, users, target = numbers(key)
        path = (name, "calculate_scaling_requirements", key)
        yield path, lambda r=rps, u=users, t=target: required(r, u, t)


# GrowthAnalyzer

GROWTH = GOLDEN["GrowthAnalyzer"]
HISTORY = GROWTH["historical_data"]


def growth() -> Iterator[Case]:
    """Trends, forecasts, triggers."""
    name = "GrowthAnalyzer"
    yield (name, "error"), lambda: None if guide.forecast_load(HISTORY) else "no forecast"
    yield (name, "stdout"), growth_stdout
    for metric in GROWTH["trend"]:
        yield (name, "trend", metric), lambda m=metric: trend(m)
        yield (
            (name, "forecast_30d", metric),
            lambda m=metric: asdict(guide.forecast_load(HISTORY, days_ahead=30)[m]),
        )
        yield (name, "forecast_90d_last", metric), lambda m=metric: last_of_90(m)
        for key, level in (("forecast_30d_ci90", 0.9), ("forecast_30d_ci99_uses_1.645", 0.99)):
            yield (name, key, metric), lambda m=metric, at_level=level: first_ends(m, at_level)
    yield (name, "triggers"), lambda: triggers(HISTORY)
    hot = [*HISTORY[:-1], GROWTH["triggers_hot"]["last_row"]]
    yield (name, "triggers_hot", "out"), lambda: triggers(hot)
    idle = [HISTORY[-1] | {"cache_hit_rate": 0.95, "database_connections_used": 0.1}]
    yield (name, "triggers_urgency_bug", "out"), lambda: triggers(idle)


def trend(metric: str) -> dict[str, float]:
    """A trend without what the guide keeps in its model object."""
    found = asdict(guide.analyze_growth_trend(HISTORY, metric))
    return {name: value for name, value in found.items() if name != "intercept"}


def last_of_90(metric: str) -> dict[str, float]:
    """The last day of the default forecast."""
    found = guide.forecast_load(HISTORY)[metric]
    ends = (found.forecasted_values, found.confidence_lower, found.confidence_upper)
    return dict(zip(("forecast", "lower", "upper"), (end[-1] for end in ends), strict=True))


def first_ends(metric: str, level: float) -> dict[str, float]:
    """The interval of the first day at another level."""
    found = guide.forecast_load(HISTORY, 30, level)[metric]
    return {"lower0": found.confidence_lower[0], "upper0": found.confidence_upper[0]}


def triggers(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Triggers as plain mappings."""
    return {name: asdict(t) for name, t in guide.identify_scaling_triggers(rows).items()}


def growth_stdout() -> str:
    """What the guide's example prints."""
    lines = ["30-day forecast:"]
    for name, f in guide.forecast_load(HISTORY, days_ahead=30).items():
        lines.append(f"{name}: {f.current_value:.0f} -> {f.forecasted_values[-1]:.0f}")
    lines += ["", "Scaling triggers:"]
    lines += [n for n, t in guide.identify_scaling_triggers(HISTORY).items() if t.triggered]
    return "\n".join(lines) + "\n"


# SeasonalAnalyzer


def hourly(noise: random.Random | None) -> list[dict[str, Any]]:
    """The guide's thirty days: busy from 9 to 17, quiet weekends, 20 % noise."""
    rows = []
    for hours in range(24 * 30):
        when = datetime(2024, 1, 1) + timedelta(hours=hours)
        by_hour = 1.5 if 9 <= when.hour <= 17 else 0.7
        by_day = 1.2 if when.weekday() < 5 else 0.8
        factor = noise.uniform(0.8, 1.2) if noise else 1.0
        rows.append({"timestamp": when, "request_rate": 100 * by_hour * by_day * factor})
    return rows


@cache
def requirements(name: str) -> guide.CapacityRequirements:
    """The guide's analysis of its thirty days under one of the recorded noises."""
    seed = re.fullmatch(r"random\.seed\((\d+)\)", name)
    noise = random.Random(int(seed[1])) if seed else None
    return guide.calculate_capacity_requirements(hourly(noise))


def seasonal() -> Iterator[Case]:
    """Hours, days, loads to size for."""
    analyzer = "SeasonalAnalyzer"
    for noise in ("noise=1.0", "random.seed(42)", "random.seed(0)"):
        for part, ours in SEASONAL.items():
            yield (analyzer, noise, part), lambda n=noise, f=ours: f(requirements(n))
    for part in GOLDEN[analyzer]["nondeterminism_200_seeds"]:
        yield (analyzer, "nondeterminism_200_seeds", part), lambda p=part: by_luck()[p]


def daily(found: guide.CapacityRequirements) -> dict[str, Any]:
    """Patterns over hours but for their statistics."""
    return {k: v for k, v in asdict(found.daily).items() if k != "hourly_distribution"}


def weekly(found: guide.CapacityRequirements) -> dict[str, Any]:
    """Patterns over days in the guide's nesting."""
    averages = {"weekday_avg": found.weekly.weekday_avg, "weekend_avg": found.weekly.weekend_avg}
    days = {"peak_day": found.weekly.peak_day, "lowest_day": found.weekly.lowest_day}
    return days | {"weekday_vs_weekend": averages}


def seasonal_stdout(found: guide.CapacityRequirements) -> str:
    """What the guide's example prints."""
    lines = [
        "Capacity Analysis Results:",
        f"Peak hour: {found.daily.peak_hour}",
        f"Peak day: {found.weekly.peak_day}",
        f"Peak to trough ratio: {found.daily.peak_to_trough_ratio:.2f}",
    ]
    for name, s in found.capacity_scenarios.items():
        lines.append(f"{name}: {s.required_capacity:.0f} RPS ({s.load_factor:.2f}x baseline)")
    return "\n".join(lines) + "\n"


SEASONAL: dict[str, Callable[[guide.CapacityRequirements], Any]] = {
    "stdout": seasonal_stdout,
    "capacity_scenarios": lambda r: {k: asdict(v) for k, v in r.capacity_scenarios.items()},
    "recommendations": lambda r: r.recommendations,
    "daily": daily,
    "weekly": weekly,
    "hourly_mean": lambda r: r.daily.hourly_distribution["mean"],
    "daily_mean": lambda r: r.weekly.daily_distribution["mean"],
}


@cache
def by_luck() -> dict[str, Any]:
    """What 200 seeds make of the same thirty days."""
    found = [guide.calculate_capacity_requirements(hourly(random.Random(s))) for s in range(200)]
    ratios = [f.daily.peak_to_trough_ratio for f in found]
    return {
        "peak_hours_seen": sorted({f.daily.peak_hour for f in found}),
        "peak_days_seen": sorted({f.weekly.peak_day for f in found}),
        "peak_to_trough_min_max": [min(ratios), max(ratios)],
    }


# AutoScaler

SCALER = GOLDEN["AutoScaler"]
CONFIG = guide.AutoScalerConfig()
NOW = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


def reading(cpu: float | None, memory: float | None, p95: float, n: int) -> guide.CurrentMetrics:
    """What the guide reads before it decides."""
    return guide.CurrentMetrics(NOW, n, p95, cpu, memory)


def autoscaler() -> Iterator[Case]:
    """Decisions, cooldowns, counts, commands."""
    name = "AutoScaler"
    yield (name, "config"), lambda: asdict(CONFIG)
    for i, d in enumerate(SCALER["decisions"]):
        given = reading(d["cpu"], d["mem"], d["rt"], d["n"])
        inputs = {key: d[key] for key in ("cpu", "mem", "rt", "n")}
        yield (name, "decisions", str(i)), lambda m=given, given=inputs: given | decide(m)
    for i, c in enumerate(SCALER["cooldown_timedelta_seconds_bug"]):
        path = (name, "cooldown_timedelta_seconds_bug", str(i))
        yield path, lambda elapsed=c["elapsed_s"]: cooldown(elapsed)
    yield (name, "scale_up_at_max"), at_most
    for key in ("count_multi_service", "count_two_matching_services"):
        printed = SCALER[key]["stdout"]
        yield (name, key), lambda text=printed: counted(text)
    yield (name, "count_docker_missing"), lambda: guide.get_current_instance_count(None)
    yield (name, "missing_gauges"), lambda: decide(reading(None, None, 100, 3))
    yield (name, "transient_docker_ls_failure_at_8_replicas"), count_lost


def decide(metrics: guide.CurrentMetrics) -> dict[str, bool]:
    """Both decisions without a cooldown."""
    return {
        "up": guide.should_scale_up(CONFIG, metrics),
        "down": guide.should_scale_down(CONFIG, metrics),
    }


def cooldown(elapsed: float) -> dict[str, Any]:
    """What may be done so many seconds after an action."""
    last = NOW - timedelta(seconds=elapsed)
    return {
        "elapsed_s": elapsed,
        "timedelta.seconds": (NOW - last).seconds,
        "total_seconds": (NOW - last).total_seconds(),
        "scale_up_allowed_cpu71": guide.should_scale_up(CONFIG, reading(71, 50, 100, 3), last),
        "scale_down_allowed_idle": guide.should_scale_down(CONFIG, reading(39, 49, 149, 3), last),
    }


def counted(stdout: str) -> dict[str, Any]:
    """The count that the guide reads in what docker printed."""
    return {"stdout": stdout, "returned": guide.get_current_instance_count(stdout)}


def at_most() -> dict[str, Any]:
    """Scaling up at the maximum."""
    action = guide.scale_up(CONFIG, 10, NOW)
    return {
        "returned": action.succeeded,
        "cmd": list(action.command),
        "stdout": action.said + "\n",
        "last_action": {"action": action.action, "from": action.origin, "to": action.to},
    }


def count_lost() -> dict[str, Any]:
    """One failed look at a busy service of eight."""
    count = guide.get_current_instance_count(None)
    return {
        "count_returned": count,
        "should_scale_up": guide.should_scale_up(CONFIG, reading(71, 50, 100, count)),
        "command": list(guide.scale_up(CONFIG, count, NOW).command),
    }


# BottleneckDetector

DETECTOR = GOLDEN["BottleneckDetector"]
ACTIONS = ("immediate_actions", "short_term_actions", "long_term_actions")


def analyzed(given: dict[str, Any]) -> guide.ComprehensiveAnalysis:
    """The guide's whole analysis of one recorded input."""
    metrics = {"histograms": {"http_request_duration": {"p95": given["p95"]}}}
    return guide.run_comprehensive_analysis(
        given["cpu"], given["mem"], metrics, given["cache"], given["health"]
    )


def detected(given: dict[str, Any]) -> dict[str, Any]:
    """Results and recommendation in the record's form."""
    found = analyzed(given)
    advice = guide.generate_scaling_recommendation(found.results)
    actions = {name: getattr(advice, name) for name in ACTIONS}
    shown = ("component", "severity", "utilization", "threshold")
    return {
        "input": given,
        "results": {
            severity: [{name: getattr(r, name) for name in shown} for r in results]
            for severity, results in found.results.items()
            if results
        },
        "priority": advice.scaling_priority,
        "n_actions": {name: len(texts) for name, texts in actions.items()},
        "actions_sorted": {name: sorted(texts) for name, texts in actions.items() if texts},
        "stdout": "".join(line + "\n" for line in found.said),
    }


def possible_first_actions() -> list[str]:
    """Those recorded as first under some hash seed that the set indeed holds."""
    found = analyzed(DETECTOR["cases"]["cpu91"]["input"])
    advice = guide.generate_scaling_recommendation(found.results)
    recorded = DETECTOR["list_set_first_action_over_6_hashseeds"]
    return [text for text in recorded if text in advice.immediate_actions]


def detector() -> Iterator[Case]:
    """Every check and its boundaries."""
    name = "BottleneckDetector"
    plain = {key: dict(limits) for key, limits in guide.THRESHOLDS.items()}
    yield (name, "thresholds"), lambda: plain
    for key, case in DETECTOR["cases"].items():
        yield (name, "cases", key), lambda given=case["input"]: detected(given)
    yield (name, "list_set_first_action_over_6_hashseeds"), possible_first_actions


# assess_current_utilization

GIB = 1024**3


def assessed(given: dict[str, Any]) -> dict[str, Any]:
    """The assessment in the record's form."""
    used, total = (float(n) * GIB for n in numbers(given["disk"]))
    report, said = guide.assess_current_utilization(
        given["cpu"],
        given["mem_percent"],
        guide.Usage(given["mem_used_gib"] * GIB, given["mem_total_gib"] * GIB),
        guide.Usage(used, total),
        {
            "histograms": {"http_request_duration": {"p95": given["p95"]}},
            "cache_hit_rate": given["cache_hit_rate"],
        },
    )
    out = None if report is None else asdict(report)
    return {"in": given, "out": out, "stdout": said + "\n" if said else ""}


def assessment() -> Iterator[Case]:
    """Utilization against capacity."""
    name = "assess_current_utilization"
    for key, case in GOLDEN[name].items():
        yield (name, key), lambda given=case["in"]: assessed(given)


CASES: list[Case] = [
    case
    for part in (workload, resources, growth, seasonal, autoscaler, detector, assessment)
    for case in part()
]


@pytest.mark.parametrize(("path", "ours"), CASES, ids=["-".join(path) for path, _ in CASES])
def test_golden(path: Path_, ours: Callable[[], Any]) -> None:
    """The guide's outcome is reproduced, whatever it is."""
    assert differences(ours(), at(path)) == []


def test_golden_leaves_nothing_out() -> None:
    """Every value of the record belongs to exactly one case, or is named as something else."""
    claims = [*(path for path, _ in CASES), *NOT_OUTCOMES]
    claimed = {leaf: [c for c in claims if leaf[: len(c)] == c] for leaf in leaves(GOLDEN)}
    assert len(claimed) > 500
    assert {leaf: by for leaf, by in claimed.items() if len(by) != 1} == {}


def test_golden_comparison_sees_a_difference() -> None:
    """A value off by more than the tolerance, a missing key and a short list are all reported."""
    theirs = {"a": [1.0, 2.0], "b": True}
    assert differences({"a": (1.0, 2.0), "b": True}, theirs) == []
    assert len(differences({"a": (1.0, 2.0 + 1e-8), "b": 1}, theirs)) == 2
    assert differences({"a": (1.0,), "b": True}, theirs)
    assert differences({"a": (1.0, 2.0)}, theirs)


def test_golden_errors_are_ours() -> None:
    """Where the guide's code raises, so do we, with the same meaning."""
    with pytest.raises(NotEnoughData, match="NoneType"):
        guide.detect_cache(None)
    with pytest.raises(NotEnoughData, match="NoneType"):
        guide.detect_response_time(None)
    with pytest.raises(NotEnoughData, match="p95"):
        guide.should_scale_up(CONFIG, guide.CurrentMetrics(NOW, 3, None))
    with pytest.raises(NotEnoughData, match="request_rate"):
        guide.predict_capacity_needs([{"response_time_p95": 100}])
    with pytest.raises(NotEnoughData, match="timestamp"):
        guide.identify_daily_patterns([])
    with pytest.raises(NotEnoughData, match="constant"):
        guide.build_cpu_model([10, 10, 10], [1, 2, 3])
    with pytest.raises(NotEnoughData, match="inf"):
        guide.calculate_scaling_requirements(models(), 1e6, 10, 250)
    with pytest.raises(NotEnoughData, match="rows"):
        guide.identify_scaling_triggers([])


def test_golden_by_component_is_the_same_as_from_documents() -> None:
    """Readings and documents lead to the same results, in the same order."""
    for case in DETECTOR["cases"].values():
        given = case["input"]
        status = given["health"].get("components", {}).get("database", {}).get("status")
        hits = given["cache"].get("hit_rate")
        found = guide.bottlenecks(given["cpu"], given["mem"], given["p95"], hits, status)
        assert found == analyzed(given).results


def test_golden_unknown_response_time_hides_the_cache() -> None:
    """One missing value ends both checks of the application, as in the guide's code."""
    assert guide.bottlenecks(10, 10, None, 0.1, "healthy") == {s: [] for s in guide.SEVERITIES}
    found = guide.run_comprehensive_analysis(10, 10, {}, {"hit_rate": 0.1}, {"components": None})
    assert found.said == (
        "Error detecting database bottlenecks: 'NoneType' object has no attribute 'get'",
        "Error detecting application bottlenecks: 'histograms'",
    )


def test_golden_more_users_need_less_memory() -> None:
    """Just above 6 GB the guide asks for 7 GB where it asks for 8 GB below."""
    assert required(10, 190, 250)["memory_gb"] == 8
    assert required(10, 200, 250)["memory_gb"] == 7


@pytest.mark.parametrize(
    ("detect", "at_bound", "beyond", "severity"),
    [
        (guide.detect_cpu_bottleneck, 70, 70.1, "high"),
        (guide.detect_memory_bottleneck, 80, 80.1, "high"),
        (guide.detect_response_time, 250, 250.1, "medium"),
        (guide.detect_cache, 0.5, 0.499, "high"),
    ],
)
def test_golden_warning_bounds_are_not_crossed_at_them(
    detect: Callable[[float], guide.BottleneckResult | None],
    at_bound: float,
    beyond: float,
    severity: str,
) -> None:
    """A reading at its threshold is fine, one just beyond it is not."""
    assert detect(at_bound) is None
    found = detect(beyond)
    assert found is not None and found.severity == severity


@pytest.mark.parametrize(
    ("detect", "at_bound", "severity"),
    [
        (guide.detect_cpu_bottleneck, 90, "high"),
        (guide.detect_memory_bottleneck, 95, "high"),
        (guide.detect_response_time, 500, "medium"),
    ],
)
def test_golden_critical_bounds_are_not_crossed_at_them(
    detect: Callable[[float], guide.BottleneckResult | None], at_bound: float, severity: str
) -> None:
    """A reading at its critical threshold keeps the severity of the warning."""
    found, worse = detect(at_bound), detect(at_bound + 0.1)
    assert found is not None and found.severity == severity
    assert worse is not None and worse.severity == "critical"


def test_golden_spread_is_of_a_sample() -> None:
    """Standard deviations divide by one less than the count, and one value has none."""
    rows = [
        {"timestamp": f"2024-01-0{day}T05:00:00", "request_rate": rate}
        for day, rate in ((1, 10.0), (2, 14.0))
    ]
    rows.append({"timestamp": "2024-01-01T06:00:00", "request_rate": 3.0})
    spread = guide.identify_daily_patterns(rows).hourly_distribution["std"]
    assert spread[5] == pytest.approx(math.sqrt(8))
    assert math.isnan(spread[6])
