"""Settings of scaling that contradict each other are told in one line: which key, and what to write."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capmon.config.load import load
from capmon.config.schema import Settings
from capmon.errors import ConfigError


def faults(folder: Path, text: str) -> list[str]:
    """The faults of a file with this text, without the name of the file; none when it loads."""
    (folder / "capmon.yaml").write_text(text, encoding="utf-8")
    try:
        load(environ={}, cwd=folder)
    except ConfigError as error:
        return [fault.removeprefix("capmon.yaml:") for fault in error.faults]
    return []


BROKEN = {
    "no time to start": (
        "scaling: {startup: 0s}",
        "1: scaling.startup: expected more than 0, got 0s",
    ),
    "overload that earns": (
        "scaling: {overload_minute: -1}",
        "1: scaling.overload_minute: expected 0 or more, got -1",
    ),
    "replicas that pay": (
        "scaling: {price_per_hour: -0.1}",
        "1: scaling.price_per_hour: expected 0 or more, got -0.1",
    ),
    "budget without a price": (
        "scaling:\n  budget: {per_hour: 5}",
        "2: scaling.budget.per_hour: needs scaling.price_per_hour: what one replica costs in an hour",
    ),
    "negative budget": (
        "scaling:\n  price_per_hour: 1\n  budget: {per_hour: -5}",
        "3: scaling.budget.per_hour: expected 0 or more, 0 for no limit, got -5",
    ),
    "budget below the least": (
        "scaling: {min: 3, price_per_hour: 0.17, budget: {per_hour: 0.5}}",
        "1: scaling.budget.per_hour: expected at least 0.51, which is what min 3 × 0.17 cost, got 0.5",
    ),
    "no currency": (
        "scaling: {currency: ''}",
        "1: scaling.currency: expected a sign such as $ or EUR, got ''",
    ),
    "nothing to aim at": (
        "scaling:\n  hpa: {cpu: null}",
        "2: scaling.hpa: expected at least one of cpu, memory and rate to aim at, got none",
    ),
    "idle CPU aimed at": (
        "scaling: {hpa: {cpu: 0%}}",
        "1: scaling.hpa.cpu: expected more than 0, or null to leave it out, got 0%",
    ),
    "no requests aimed at": (
        "scaling: {hpa: {rate: 0}}",
        "1: scaling.hpa.rate: expected more than 0, or null to leave it out, got 0",
    ),
    "tolerance of everything": (
        "scaling: {hpa: {down: {tolerance: 100%}}}",
        "1: scaling.hpa.down.tolerance: expected less than 100%, got 100%; nothing would scale",
    ),
    "window of a day": (
        "scaling: {hpa: {down: {stabilization: 1d}}}",
        "1: scaling.hpa.down.stabilization: expected at most 1h, got 1d",
    ),
    "rate of nothing": (
        "scaling: {hpa: {up: {rates: [{kind: pods, amount: 0, per: 15s}]}}}",
        "1: scaling.hpa.up.rates[0].amount: expected a whole number of 1 or more, got '0'",
    ),
    "rate without a period": (
        "scaling:\n  hpa:\n    up:\n      rates:\n        - {kind: pods, amount: 4, per: 15s}\n"
        "        - {kind: percent, amount: 50, per: 0s}",
        "6: scaling.hpa.up.rates[1].per: expected more than 0 and at most 30m, got 0s",
    ),
    "step that flaps": (
        "scaling: {step: {down: {cpu: 80%}}}",
        "1: scaling.step.down.cpu: expected less than 70%, which is up.cpu by default, got 80%;"
        " else it would flap, up and down at the same level",
    ),
    "step up below the default down": (
        "scaling: {step: {up: {latency_p95: 100ms}}}",
        "1: scaling.step.up.latency_p95: expected more than 150ms, which is down.latency_p95 by"
        " default, got 100ms; else it would flap, up and down at the same level",
    ),
    "tier that flaps at one level": (
        "scaling:\n  vertical:\n    up: {memory: 60%}\n    down: {memory: 60%}",
        "4: scaling.vertical.down.memory: expected less than 60%, which is up.memory, got 60%;"
        " else it would flap, up and down at the same level",
    ),
    "milliseconds without their unit": (
        "scaling: {step: {up: {latency_p95: 250}}}",
        "1: scaling.step.up.latency_p95: expected a response time of at most 60s such as 250ms, got 250s",
    ),
    "tier twice": (
        "tiers:\n  - {name: a, cores: 1, memory: 1GiB}\n  - {name: a, cores: 2, memory: 2GiB}",
        "3: tiers[1].name: expected another name than that of tiers[0], got 'a'",
    ),
    "tier without a name": (
        "tiers: [{name: '', cores: 1, memory: 1GiB}]",
        "1: tiers[0].name: expected a name such as tier_2, got nothing",
    ),
    "tier without cores": (
        "tiers: [{name: a, cores: 0, memory: 1GiB}]",
        "1: tiers[0].cores: expected more than 0, got 0",
    ),
    "tier without memory": (
        "tiers: [{name: a, cores: 1, memory: 0}]",
        "1: tiers[0].memory: expected more than 0, got 0",
    ),
    "tier that pays": (
        "tiers: [{name: a, cores: 1, memory: 1GiB, price_per_hour: -1}]",
        "1: tiers[0].price_per_hour: expected 0 or more, got -1",
    ),
    "tier that carries nothing": (
        "tiers: [{name: a, cores: 1, memory: 1GiB, max_rps: 0}]",
        "1: tiers[0].max_rps: expected more than 0, got 0",
    ),
    "larger tier first": (
        "tiers:\n  - {name: b, cores: 4, memory: 8GiB}\n  - {name: a, cores: 2, memory: 8GiB}",
        "3: tiers[1].cores: expected 4 or more, as tiers[0] has: the smallest tier comes first, got 2",
    ),
    "more memory first": (
        "tiers:\n  - {name: b, cores: 2, memory: 8GiB}\n  - {name: a, cores: 4, memory: 4GiB}",
        "3: tiers[1].memory: expected 8GiB or more, as tiers[0] has: the smallest tier comes first, got 4GiB",
    ),
    "same tier under two names": (
        "tiers:\n  - {name: a, cores: 2, memory: 8GiB}\n  - {name: b, cores: 2, memory: 8GiB}",
        "3: tiers[1].cores: expected more cores or memory than tiers[0], got the same",
    ),
    "tier that is none": (
        "tiers: [{name: a, cores: 1, memory: 1GiB}, {name: b, cores: 2, memory: 2GiB}]\n"
        "scaling: {vertical: {tier: c}}",
        "2: scaling.vertical.tier: expected a or b, got 'c'",
    ),
    "tier without tiers": (
        "scaling: {vertical: {tier: a}}",
        "1: scaling.vertical.tier: names a tier, and there are none: list them under tiers",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=list(BROKEN))
def test_a_contradiction_is_told_once(tmp_path: Path, text: str, message: str) -> None:
    """One fault gives exactly one line: where it is, which key, and what to write instead."""
    assert faults(tmp_path, text) == [message]


@pytest.mark.parametrize(
    "text",
    [
        "scaling: {price_per_hour: 0.17, budget: {per_hour: 0.34}}",
        "scaling: {price_per_hour: 0, overload_minute: 0}",
        "scaling: {hpa: {cpu: null, rate: 100}}",
        "scaling: {hpa: {up: {rates: [], select: disabled}}}",
        "scaling: {step: {up: {cpu: 30%}, down: {cpu: 29%}}}",
        "scaling: {vertical: {tier: b}}\n"
        "tiers: [{name: a, cores: 2, memory: 4GiB}, {name: b, cores: 2, memory: 8GiB}]",
        "scaling: {limits: [{name: shared cache, per_replica: 512, total: 8192},"
        " {name: API quota, per_replica: 40, total: 200}]}",
    ],
)
def test_what_fits_together_loads(tmp_path: Path, text: str) -> None:
    """Values at the edge of what makes sense are taken."""
    assert faults(tmp_path, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "tiers: [{name: a, memory: 1GiB}, {name: b, cores: 2, memory: 2GiB}]",
        "tiers: [{cores: 1, memory: 1GiB}]",
        "tiers: [{name: a, cores: many, memory: 1GiB}, {name: b, cores: 1, memory: 1GiB}]\nscaling: {vertical: {tier: b}}",
        "scaling: {hpa: {up: {rates: [{kind: pods, amount: 1}]}}}",
        "scaling: {hpa: {cpu: much}}",
        "scaling: {price_per_hour: cheap, budget: {per_hour: 1}}",
        "scaling: {step: {up: {cpu: low}, down: {cpu: 90%}}}",
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_read_contradicts_nothing(tmp_path: Path, text: str) -> None:
    """What is missing or is no number gives one fault, its own, and no second one."""
    assert len(faults(tmp_path, text)) == 1


@given(
    cores=st.lists(st.floats(-1, 4), max_size=4),
    up=st.floats(0, 1),
    down=st.floats(0, 1),
    price=st.floats(-1, 2),
    budget=st.floats(-1, 5),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_numbers_give_faults_and_never_an_exception(
    tmp_path: Path, cores: list[float], up: float, down: float, price: float, budget: float
) -> None:
    """Whatever the numbers, they load as they are or are told to be wrong."""
    tiers = "".join(
        f"\n  - {{name: t{i}, cores: {c!r}, memory: 1GiB}}" for i, c in enumerate(cores)
    )
    text = (
        f"tiers:{tiers}\n"
        "scaling:\n"
        f"  step: {{up: {{cpu: {up!r}}}, down: {{cpu: {down!r}}}}}\n"
        f"  price_per_hour: {price!r}\n"
        f"  budget: {{per_hour: {budget!r}}}\n"
    )
    wrong = down >= up or price < 0 or budget < 0 or (budget > 0 and not price > 0)
    wrong |= any(c <= 0 for c in cores) or any(a >= b for a, b in pairwise(cores))  # fmt: skip
    wrong |= budget > 0 and 2 * price > budget * (1 + 1e-9)
    assert bool(faults(tmp_path, text)) == wrong


def test_the_defaults_fit_together(tmp_path: Path) -> None:
    """Without a file nothing is wrong."""
    assert load(environ={}, cwd=tmp_path).settings == Settings()
