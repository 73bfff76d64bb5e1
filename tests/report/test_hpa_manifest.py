"""The HPA manifest: valid for the API, targets that follow from the models, and reasons with their numbers."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from capmon.analysis.curves.headroom import Limit, headroom, in_order
from capmon.config.quantities import Size
from capmon.config.scaling import BehaviorSettings, RateSettings, TierSettings
from capmon.config.schema import CouplingSettings, Duration, Ratio, Settings, TargetSettings
from capmon.errors import CapmonError
from capmon.model.curves import Coefficient, Estimate, Fit, FitKind
from capmon.model.forecasts import Forecast
from capmon.model.frame import Frame
from capmon.model.names import CPU, LATENCY, MEMORY_USAGE, RATE, RATE_PER_REPLICA
from capmon.model.policies import Replay, ReplayTable, Scaling, TierAdvice
from capmon.model.results import ReplicaState
from capmon.report.hpa_manifest import hpa_manifest, scalar_quantity, workload
from capmon.report.hpa_reach import growth_room
from capmon.report.hpa_targets import given_back
from capmon.report.replay_file import read_replay

NOW = 1_772_000_000.0
READY = 4
LIMIT = 4e9
"""Bytes that a replica may use."""

COUNT = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
QUANTITY = {"type": "string", "pattern": r"^\d+m?$"}
NAME = {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"}


def shape(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    """An object with these properties and no other."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": [p for p in properties if p not in optional],
    }


def behavior() -> dict[str, Any]:
    """HPAScalingRules."""
    policy = shape(
        {
            "type": {"enum": ["Pods", "Percent"]},
            "value": COUNT,
            "periodSeconds": {"type": "integer", "minimum": 1, "maximum": 1800},
        }
    )
    return shape(
        {
            "stabilizationWindowSeconds": {"type": "integer", "minimum": 0, "maximum": 3600},
            "tolerance": QUANTITY,
            "selectPolicy": {"enum": ["Max", "Min", "Disabled"]},
            "policies": {"type": "array", "items": policy, "minItems": 1},
        },
        "tolerance",
    )


def const(value: str) -> dict[str, str]:
    """One value alone."""
    return {"const": value}


SCHEMA = shape({
    "apiVersion": const("autoscaling/v2"),
    "kind": const("HorizontalPodAutoscaler"),
    "metadata": shape({"name": NAME, "namespace": NAME}, "namespace"),
    "spec": shape({
        "scaleTargetRef": shape({"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "name": NAME}),
        "minReplicas": COUNT,
        "maxReplicas": COUNT,
        "metrics": {"type": "array", "minItems": 1, "items": {"oneOf": [
            shape({"type": const("Resource"), "resource": shape({
                "name": {"enum": ["cpu", "memory"]},
                "target": shape({"type": const("Utilization"), "averageUtilization": COUNT}),
            })}),
            shape({"type": const("Pods"), "pods": shape({
                "metric": shape({"name": const("http_requests_per_second")}),
                "target": shape({"type": const("AverageValue"), "averageValue": QUANTITY}),
            })}),
        ]}},
        "behavior": shape({"scaleUp": behavior(), "scaleDown": behavior()}),
    }),
})  # fmt: skip
"""What autoscaling/v2 says of the fields that are used, as strict as the API server."""


def line(target: str, slope: float, base: float, **more: Any) -> Fit:
    """A straight line over the load of one replica, seen from 5 to 35 req/s."""
    known = (Coefficient("slope", slope, slope / 50), Coefficient("intercept", base, 0.001))
    return replace(
        Fit(
            target, RATE_PER_REPLICA, FitKind.LINEAR, known, 0.97, 200, 5.0, 35.0,
            residual_std=slope, load_mean=20.0, load_squares=15000.0, t_quantile=1.97,
            window=3600.0, per_replica=True,
        ),
        **more,
    )  # fmt: skip


def wave(fit: Fit, *, sticks: bool = False) -> Fit:
    """The fit with points of a load that rises and falls; a metric that sticks never falls."""
    points, highest = [], 0.0
    for i in range(200):
        load = 20 + 14 * math.sin(i / 20)
        value = fit.predict(load) or 0.0
        highest = max(highest, value)
        points.append((load, highest if sticks else value))
    return replace(fit, points=tuple(points))


CPU_FIT = line(CPU[0], 0.02, 0.1)
MEMORY_FIT = wave(line(MEMORY_USAGE, 5e7, 1e9, load=RATE_PER_REPLICA))
P95_FIT = replace(
    line(LATENCY, 0, 0),
    kind=FitKind.EXPONENTIAL,
    coefficients=(Coefficient("a", 0.05, 0.002), Coefficient("b", 0.05, 0.001)),
    residual_std=0.05,
)
P95_AT = math.log(0.25 / 0.05) / 0.05
"""Load of a replica at which the 95th percentile reaches 250 ms: 32.2 req/s."""

FLAT = Forecast(RATE, NOW, 60.0, (100.0,) * 10, (100.0,) * 60, (90.0,) * 60, (110.0,) * 60)


def frame(*fits: Fit, **more: Any) -> Frame:
    """A frame at 100 req/s on four replicas."""
    limits = {
        CPU[0]: Limit(0.8, "utilization_target"),
        CPU[1]: Limit(0.8, "utilization_target"),
        MEMORY_USAGE: Limit(0.8 * LIMIT, "utilization_target"),
        LATENCY: Limit(0.25, "objectives.latency_p95"),
    }
    fits = fits or (CPU_FIT, MEMORY_FIT, P95_FIT)
    made = Frame(
        1, NOW, 1.0, 300.0, fits=fits, forecasts=(FLAT,),
        headroom=in_order([headroom(f, limits[f.target], RATE, 100.0, READY) for f in fits]),
        replicas=ReplicaState("http", "web", READY, READY),
    )  # fmt: skip
    return replace(made, **more)


def with_scaling(**more: Any) -> Settings:
    """The defaults with other settings of scaling."""
    made = Settings()
    return replace(made, scaling=replace(made.scaling, **more))


def made(settings: Settings | None = None, seen: Frame | None = None, replay: ReplayTable | None = None) -> tuple[dict[str, Any], str]:  # fmt: skip
    """The manifest, checked, and its text."""
    text = hpa_manifest(settings or Settings(), seen or frame(), replay)
    document = yaml.safe_load(text)
    jsonschema.validate(document, SCHEMA)
    assert document["spec"]["minReplicas"] <= document["spec"]["maxReplicas"]
    return document["spec"], text


def targets(spec: dict[str, Any]) -> dict[str, Any]:
    """Targets by metric."""
    found: dict[str, Any] = {}
    for one in spec["metrics"]:
        if one["type"] == "Resource":
            found[one["resource"]["name"]] = one["resource"]["target"]["averageUtilization"]
        else:
            found["rate"] = one["pods"]["target"]["averageValue"]
    return found


def test_the_cpu_target_is_where_the_objective_holds_through_a_start() -> None:
    """p95 binds at 32.2 req/s a replica; 10 % of growth and HPA's 10 % of tolerance come off."""
    spec, text = made()
    carried = P95_AT / 1.1
    assert targets(spec)["cpu"] == math.floor(100 * (0.1 + 0.02 * carried) / 1.1) == 62
    assert "p95 reaches 250 ms at 32.2 req/s a replica" in text
    assert "where cpu is 74 %" in text
    assert "×1.1 within 3 m 30 s" in text
    assert float(targets(spec)["rate"].removesuffix("m")) / 1000 == pytest.approx(carried / 1.1, rel=0.005)  # fmt: skip


def test_the_configured_target_is_a_ceiling() -> None:
    """Where the models allow more than is configured, what is configured counts."""
    settings = with_scaling(hpa=replace(Settings().scaling.hpa, cpu=Ratio(0.5)))
    spec, text = made(settings)
    assert targets(spec)["cpu"] == 50
    assert "scaling.hpa.cpu allows 50 %, the models 62.3 %" in text


def test_the_cpu_itself_can_bind_first() -> None:
    """Without a curve of the response time, the CPU's own limit is where it ends, and the gap is said."""
    lost = replace(P95_FIT, coefficients=(), problem="needs 20 points, has 12")
    spec, text = made(seen=frame(CPU_FIT, MEMORY_FIT, lost))
    at = (0.8 - 0.1) / 0.02
    assert targets(spec)["cpu"] == math.floor(100 * (0.1 + 0.02 * at / 1.1) / 1.1)
    assert "app cpu reaches 80 % at 35.0 req/s a replica" in text
    assert "no curve can tell: p95: needs 20 points, has 12" in text


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (Frame(1, NOW, 1.0, 300.0), "no curve of it over load yet"),
        (frame(replace(CPU_FIT, coefficients=(), problem="not enough load variation")), "cpu: not enough load variation"),
        (frame(P95_FIT), "no curve of the CPU over load yet"),
        (frame(line(CPU[0], 0.004, 0.1)), "beyond the load seen, where a curve is a guess"),
        (replace(frame(CPU_FIT), headroom=(headroom(CPU_FIT, Limit(0.8, ""), RATE, 100.0, None),)), "replica count is not known"),
    ],
)  # fmt: skip
def test_what_the_models_cannot_tell_is_said_and_the_setting_counts(seen: Frame, why: str) -> None:
    """No fit, no spread, no count: 70 % as configured, and the reason beside it."""
    spec, text = made(seen=seen)
    assert targets(spec)["cpu"] == 70
    assert "The models cannot tell a target: " in text
    assert why in text


def test_a_cpu_busy_without_load_is_no_signal() -> None:
    """A target below what an idle replica uses would keep the count at its maximum for ever."""
    spec, text = made(seen=frame(line(CPU[0], 0.002, 0.68), P95_FIT))
    assert targets(spec)["cpu"] == 70
    assert "Without load cpu is 68 % already" in text


def test_without_a_forecast_no_room_is_invented() -> None:
    """The tolerance still comes off, and the file says that the start-up was not reckoned with."""
    gone = Forecast(RATE, NOW, problem="needs 12 points, has 3")
    spec, text = made(seen=frame(forecasts=(gone,)))
    assert targets(spec)["cpu"] == math.floor(100 * (0.1 + 0.02 * P95_AT) / 1.1)
    assert "no room could be reckoned: no forecast of the load (needs 12 points, has 3)" in text
    spec, text = made(seen=frame(forecasts=(replace(FLAT, median=FLAT.median[:2]),)))
    assert "the forecast looks only 2 m ahead" in text


def test_the_room_is_the_steepest_rise_of_the_horizon() -> None:
    """A climb that comes hours ahead counts, unless the least count of replicas carries it."""
    climb = tuple(100.0 if i < 30 else min(100.0 + 20.0 * (i - 29), 200.0) for i in range(60))
    seen = frame(forecasts=(replace(FLAT, median=climb, high=tuple(1.1 * v for v in climb)),))
    assert growth_room(seen, RATE, 210.0, 50.0).factor == pytest.approx(1.8 * 1.1)
    assert growth_room(seen, RATE, 210.0, 500.0).factor == pytest.approx(1.1)
    measured = Scaling("hpa", startup=Estimate(60.0))
    _, text = made(seen=replace(seen, scaling=measured))
    assert "60 s to start (measured)" in text


def test_what_replicas_share_lowers_the_maximum() -> None:
    """100 connections at 25 each are four replicas, and none to spare in a rolling update."""
    limits = (CouplingSettings("database connections", 25, 100),)
    spec, text = made(with_scaling(limits=limits))
    assert spec["maxReplicas"] == 4
    assert "scaling.max is 10, but database connections: 100 / 25 = 4" in text
    assert "5 × 25 = 125 > 100" in text
    spec, text = made(with_scaling(limits=(CouplingSettings("licences", 70, 100),)))
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 1)
    assert "scaling.min is 2, but only 1 may be" in text


def test_a_maximum_below_the_forecast_peak_is_told() -> None:
    """Whoever merges this must see that the replicas allowed do not carry what is coming."""
    _, text = made(with_scaling(max=3))
    assert "3 carry 96.6 req/s of a forecast peak of 110 req/s: NOT ENOUGH" in text
    _, text = made()
    assert "NOT ENOUGH" not in text


def test_memory_counts_only_where_it_falls_with_the_load() -> None:
    """Memory that is kept adds replicas and never takes any away."""
    spec, text = made()
    assert targets(spec)["memory"] == math.floor(80 / 1.1)
    kept = wave(MEMORY_FIT, sticks=True)
    spec, text = made(
        with_scaling(hpa=replace(Settings().scaling.hpa, memory=Ratio(0.6))),
        frame(CPU_FIT, kept, P95_FIT),
    )
    assert "memory" not in targets(spec)
    assert "gives 0 % back as load falls" in text
    assert "scaling.hpa.memory 60 % is left out" in text
    rising = replace(MEMORY_FIT, points=tuple(sorted(MEMORY_FIT.points)))
    assert given_back(rising) is None
    assert given_back(MEMORY_FIT) == pytest.approx(1.0)
    _, text = made(seen=frame(CPU_FIT, replace(MEMORY_FIT, r_squared=0.2), P95_FIT))
    assert "load explains 20 % of its variance" in text


def test_shares_count_against_the_recommended_request() -> None:
    """A replica of two cores that should ask for 1.6 has a target a quarter higher."""
    advice = Scaling("hpa", vertical=TierAdvice("t2", "t2", cores=Estimate(1.6, 1.4, 1.9)))
    tiers = (TierSettings("t2", 2.0, Size(4e9)),)
    spec, text = made(replace(Settings(), tiers=tiers), frame(scaling=advice))
    plain = 100 * (0.1 + 0.02 * P95_AT / 1.1) / 1.1
    assert targets(spec)["cpu"] == math.floor(plain * 1.25)
    assert "set it to 1600m as recommended; a replica may use 2000m" in text
    spec, text = made(seen=frame(scaling=advice))
    assert targets(spec)["cpu"] == math.floor(plain)
    assert "so nothing is converted" in text


@pytest.mark.parametrize(
    ("name", "api", "kind", "bare"),
    [
        ("web", "apps/v1", "Deployment", "web"),
        ("deploy/web", "apps/v1", "Deployment", "web"),
        ("statefulsets.apps/db", "apps/v1", "StatefulSet", "db"),
        ("rollouts.argoproj.io/web", "argoproj.io/v1alpha1", "Rollout", "web"),
    ],
)
def test_the_configured_workload_is_the_target(name: str, api: str, kind: str, bare: str) -> None:
    """Kinds are taken as kubectl takes them, the namespace goes where it belongs."""
    target = TargetSettings(kind="kubernetes", name=name, namespace="shop")
    settings = with_scaling(target=target)
    spec, text = made(settings)
    assert spec["scaleTargetRef"] == {"apiVersion": api, "kind": kind, "name": bare}
    assert yaml.safe_load(text)["metadata"] == {"name": bare, "namespace": "shop"}
    assert workload(settings).notes == ()


def test_a_workload_that_nobody_knows_is_to_be_checked() -> None:
    """Another kind, or no Kubernetes at all, stands there with a word of warning."""
    _, text = made(with_scaling(target=TargetSettings(kind="kubernetes", name="widget/web")))
    assert "capmon does not know this one" in text
    _, text = made()
    assert "a Deployment named like the application is assumed, check it" in text


@budget(max_examples=60, deadline=None)
@given(st.text(max_size=80), st.text(max_size=20))
def test_no_name_changes_the_document(name: str, shared: str) -> None:
    """Whatever an application or a shared resource is called, the same fields come out, all valid."""
    settings = with_scaling(limits=(CouplingSettings(shared, 25, 100),))
    spec, _ = made(replace(settings, app=replace(settings.app, name=name)))
    assert targets(spec)["cpu"] == 62


def test_behavior_is_what_the_policy_is_configured_for() -> None:
    """Kubernetes' own defaults are written out; bounds of the API are kept and said."""
    spec, _ = made()
    assert spec["behavior"]["scaleUp"] == {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Percent", "value": 100, "periodSeconds": 15},
            {"type": "Pods", "value": 4, "periodSeconds": 15},
        ],
    }
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 300
    up = BehaviorSettings(Duration(7200.0), (), "max", Ratio(0.05))
    down = BehaviorSettings(Duration(0.5), (RateSettings("pods", 1, Duration(9000.0)),), "disabled")
    spec, text = made(with_scaling(hpa=replace(Settings().scaling.hpa, up=up, down=down)))
    assert spec["behavior"]["scaleUp"]["policies"] == [{"type": "Pods", "value": 10, "periodSeconds": 15}]  # fmt: skip
    assert spec["behavior"]["scaleUp"]["tolerance"] == "50m"
    assert spec["behavior"]["scaleDown"]["selectPolicy"] == "Disabled"
    assert spec["behavior"]["scaleDown"]["policies"][0]["periodSeconds"] == 1800
    assert "the most that the API takes (configured: 2 h)" in text


def test_nothing_to_scale_by_is_refused() -> None:
    """Without any metric the API server would take 80 % of the CPU, which nobody asked for."""
    settings = with_scaling(hpa=replace(Settings().scaling.hpa, cpu=None))
    with pytest.raises(CapmonError, match="nothing is left to scale by"):
        hpa_manifest(settings, Frame(1, NOW, 1.0, 300.0))
    spec, text = made(settings)
    assert set(targets(spec)) == {"memory", "rate"}
    assert "No CPU target: scaling.hpa.cpu leaves it out" in text


ROWS = tuple(
    Replay(name, over, None, hours, 1.1, actions, 3, None)
    for name, over, hours, actions in (("hpa", 1.25, 88.0, 41), ("predictive", 0.1, 92.0, 18))
)


def test_the_replay_is_quoted_beside_the_behavior() -> None:
    """Overload and actions of the same settings on recorded load, from a file or from the monitor."""
    table = ReplayTable(ROWS, 86400.0, 30.0)
    for replay, seen in ((table, None), (None, frame(scaling=Scaling("hpa", replay=table)))):
        _, text = made(seen=seen, replay=replay)
        assert "Replay of 24 h with scaling.hpa as configured, hpa: overload 1.25 % of the time, 41 actions (3 changes of direction), 88.0 replica-hours." in text  # fmt: skip
        assert "The same load, predictive: overload 0.1 % of the time, 18 actions" in text


def test_a_replay_is_read_wherever_its_rows_are() -> None:
    """The table may stand alone or inside a document; what is none is refused by name."""
    row = {"policy": "hpa", "overload_percent": 1, "replica_hours": 2.5, "actions": 3, "direction_changes": 1}  # fmt: skip
    table = {"rows": [row], "seconds": 60, "capacity": None}
    for found in (table, {"kind": "x", "replay": table}):
        read = read_replay(json.dumps(found))
        assert (read.rows[0].policy, read.rows[0].actions, read.seconds) == ("hpa", 3, 60.0)
    bare = read_replay(json.dumps([row]))
    assert len(bare.rows) == 1
    assert "Replay with scaling.hpa as configured, hpa: overload 1 %" in made(replay=bare)[1]
    for bad, why in (
        ("{", "not JSON"),
        ("[1]", "no replay in it"),
        ('{"rows": []}', "no replay in it"),
        (json.dumps({"rows": [{"policy": "hpa"}], "seconds": 1}), "no number overload_percent"),
        (json.dumps([row | {"actions": None}]), "no number actions"),
        (json.dumps([row | {"replica_hours": float("nan")}]), "is no number"),
    ):
        with pytest.raises(CapmonError, match=why):
            read_replay(bad)


@given(st.floats(1e-4, 1e7))
def test_a_quantity_is_never_more_than_the_value(value: float) -> None:
    """Rounded down to three digits: a replica is not asked to take more than it carries."""
    text = json.loads(scalar_quantity(value))
    read = float(text.removesuffix("m")) / (1000 if text.endswith("m") else 1)
    assert read <= max(value, 0.001) * (1 + 1e-9)
    assert read >= value * 0.98 or value < 0.05
