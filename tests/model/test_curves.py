"""Curves over load: predictions and their bands, against numbers worked out by hand."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.clock import rfc3339
from capmon.model.curves import Coefficient, Curve, Estimate, Fit, FitKind
from capmon.model.results import Forecast, ScalePlan, Severity
from capmon.model.text import one_line

CPU, P95, RATE = (
    "system.cpu.utilization",
    "http.server.request.duration.p95",
    "http.server.request.rate",
)

# The points (1, 2), (2, 3), (3, 5), (4, 6): slope 1.4, intercept 0.5, residuals 0.1, -0.3, 0.3,
# -0.1, so their standard deviation is sqrt(0.2 / 2); the mean load is 2.5 and its squares sum to 5.
LINE = Fit(
    CPU,
    RATE,
    FitKind.LINEAR,
    (Coefficient("slope", 1.4, 0.1414), Coefficient("intercept", 0.5, 0.3873)),
    n=4,
    residual_std=math.sqrt(0.1),
    load_mean=2.5,
    load_squares=5.0,
    t_quantile=4.302653,
)
CURVE = Fit(
    P95,
    RATE,
    FitKind.EXPONENTIAL,
    (Coefficient("a", 0.05, None), Coefficient("b", 0.01, None)),
    n=10,
    residual_std=0.1,
    load_mean=100.0,
    load_squares=1000.0,
    t_quantile=2.0,
)


def test_a_line_at_a_load() -> None:
    """1.4 · 5 + 0.5 is 7.5, and the band is t · s · sqrt(1 + 1/4 + 2.5² / 5) to either side."""
    band = LINE.band(5.0)
    assert LINE.predict(5.0) == pytest.approx(7.5)
    assert band is not None and band.low is not None and band.high is not None
    half = 4.302653 * math.sqrt(0.1) * math.sqrt(2.5)
    assert half == pytest.approx(2.1513, abs=1e-4)
    assert (band.value, band.low, band.high) == pytest.approx((7.5, 7.5 - half, 7.5 + half))


def test_the_band_is_narrowest_at_the_mean_load() -> None:
    """At the mean only the noise and the mean's own error are left: t · s · sqrt(1.25)."""
    band = LINE.band(2.5)
    assert band is not None and band.high is not None
    assert band.high - band.value == pytest.approx(4.302653 * math.sqrt(0.1) * math.sqrt(1.25))


def test_points_that_repeat_each_other_widen_the_band() -> None:
    """Inflations of 2 and 3 give t · s · sqrt(1 + 2/4 + 3 · 2.5² / 5)."""
    band = replace(LINE, mean_inflation=2.0, slope_inflation=3.0).band(5.0)
    assert band is not None and band.high is not None
    assert band.high - band.value == pytest.approx(4.302653 * math.sqrt(0.1 * (1 + 0.5 + 3.75)))


def test_an_exponential_at_a_load() -> None:
    """0.05 · e is 0.1359, and the band is a factor, the same up as down."""
    band = CURVE.band(100.0)
    assert CURVE.predict(100.0) == pytest.approx(0.05 * math.e)
    assert band is not None and band.low is not None and band.high is not None
    factor = math.exp(2.0 * 0.1 * math.sqrt(1.1))
    assert band.high / band.value == pytest.approx(factor)
    assert band.value / band.low == pytest.approx(factor)


# Twice the wait of M/M/1 in units of 30 ms over 50 ms: at half of the capacity that is 80 ms.
QUEUE = Fit(
    P95,
    RATE,
    FitKind.KINGMAN,
    tuple(
        Coefficient(n, v, None)
        for n, v in (("base", 0.05), ("scale", 0.03), ("capacity", 200.0), ("servers", 1.0))
    ),
    n=400,
    residual_std=0.1,
    t_quantile=2.0,
    relative=True,
)


def test_heights_of_every_shape() -> None:
    """Worked out by hand: ρ/(1 - ρ) of Kingman, ln 20/(1 - ρ) of M/M/1, two of USL, a pole."""
    assert QUEUE.predict(100.0) == pytest.approx(0.08)
    assert QUEUE.predict(200.0) == QUEUE.predict(250.0) == math.inf
    mmc = Curve(FitKind.MMC, (0.01, 0.02, 200.0, 1.0))
    assert mmc.height(100.0) == pytest.approx(0.01 + 0.02 * math.log(20) * 2)
    assert mmc.height(0.0) == pytest.approx(0.01 + 0.02 * math.log(20))
    assert Curve(FitKind.USL, (0.1, 0.01, 5.0)).height(2.0) == pytest.approx(10 / 1.12)
    assert Curve(FitKind.ROBUST, (2.0, 1.0)).height(3.0) == 7.0
    assert (QUEUE.curve.pole, mmc.pole) == (200.0, 200.0)  # type: ignore[union-attr]
    assert Curve(FitKind.KINGMAN, (0.05, 0.0, 200.0, 1.0)).pole is None


def test_a_cap_ends_prediction_and_band() -> None:
    """A utilization is predicted up to all there is and no further."""
    capped = replace(LINE, cap=8.0)
    assert capped.predict(5.0) == pytest.approx(7.5)
    assert capped.predict(50.0) == 8.0
    band = capped.band(5.0)
    assert band is not None and band.high == 8.0 and band.low == LINE.band(5.0).low  # type: ignore[union-attr]


def test_a_gradient_gives_the_band_that_closed_form_gives() -> None:
    """The line's band from its covariance is the line's band: 0.1/5 for the slope, and so on."""
    slope, mean = 0.02, 2.5
    covariance = ((slope, -mean * slope), (-mean * slope, 0.1 / 4 + mean**2 * slope))
    got = replace(LINE, covariance=covariance, mean_inflation=0.0).band(5.0)
    want = LINE.band(5.0)
    assert got is not None and want is not None
    assert (got.low, got.high) == pytest.approx((want.low, want.high))


def test_rivals_widen_the_band_to_their_side() -> None:
    """Noise and a rival that is higher add up as squares above; below there is noise alone."""
    rival = Curve(FitKind.KINGMAN, (0.05, 0.03, 160.0, 1.0))
    band = replace(QUEUE, rivals=(rival,)).band(100.0)
    assert band is not None and band.low is not None and band.high is not None
    noise, apart = 0.2 * math.sqrt(1 + 1 / 400), math.log(rival.height(100.0) / 0.08)
    assert band.high == pytest.approx(0.08 * math.exp(math.hypot(noise, apart)))
    assert band.low == pytest.approx(0.08 * math.exp(-noise))


def test_beyond_its_pole_a_curve_still_has_a_lower_end() -> None:
    """Where the curve is infinite, the least of its rivals says how little it may be."""
    rival = Curve(FitKind.KINGMAN, (0.05, 0.03, 400.0, 1.0))
    band = replace(QUEUE, rivals=(rival,)).band(200.0)
    assert band == Estimate(math.inf, pytest.approx(0.08), math.inf)


def test_without_a_curve_nothing_is_said() -> None:
    """A fit with a problem predicts nothing and has no coefficient to give."""
    none = Fit(CPU, RATE, FitKind.LINEAR, problem="not enough load variation")
    assert none.predict(1.0) is None
    assert none.band(1.0) is None
    with pytest.raises(KeyError):
        none.coefficient("slope")


def test_a_curve_without_degrees_of_freedom_has_no_interval() -> None:
    """The point stays, and its ends are unknown rather than equal to it."""
    bare = Fit(CPU, RATE, FitKind.LINEAR, LINE.coefficients)
    assert bare.band(5.0) == Estimate(7.5)
    assert bare.band(5.0).low is None  # type: ignore[union-attr]


@given(st.floats(min_value=-1e12, max_value=1e12), st.sampled_from([LINE, CURVE, QUEUE]))
def test_predictions_never_raise_and_lie_in_their_band(load: float, fit: Fit) -> None:
    """However far the load is: a number, at the worst infinite, never an overflow."""
    band = fit.band(load)
    assert band is not None
    assert not math.isnan(band.value)
    if math.isfinite(band.value) and band.low is not None and band.high is not None:
        assert not band.low > band.value
        assert not band.high < band.value


def test_severities_have_an_order() -> None:
    """Ranks count from low to critical."""
    assert [s.rank for s in Severity] == [0, 1, 2, 3]
    assert Severity.CRITICAL.rank > Severity.LOW.rank


def test_a_horizon_is_as_long_as_its_points() -> None:
    """Step by count; no points, no horizon."""
    assert Forecast(RATE, 0.0, step=30.0, median=(1.0, 2.0)).horizon == 60.0
    assert Forecast(RATE, 0.0, step=30.0).horizon == 0.0


def test_a_plan_is_allowed_only_with_a_change_that_nothing_forbids() -> None:
    """Unknown, unchanged or refused is not allowed."""
    assert ScalePlan(4, 5, ()).allowed
    assert not ScalePlan(4, 4, ()).allowed
    assert not ScalePlan(None, None, ()).allowed
    assert not ScalePlan(4, 5, (), refusals=("cooldown",)).allowed


@given(st.text())
def test_foreign_text_becomes_one_printable_line(text: str) -> None:
    """No control character, no change of direction, no half of a surrogate pair is left."""
    line = one_line(text)
    assert line.isprintable()
    line.encode()
    assert one_line(line) == line
    if text.isprintable():
        assert line == text


def test_moments_are_written_in_utc() -> None:
    """RFC 3339 with a Z, to the millisecond unless asked otherwise."""
    assert rfc3339(1_772_375_527.12) == "2026-03-01T14:32:07.120Z"
    assert rfc3339(0, timespec="seconds") == "1970-01-01T00:00:00Z"


def test_the_words_need_the_standard_library_alone() -> None:
    """Importing every module of the model loads nothing that was installed."""
    code = (
        "import sys, pkgutil, importlib\n"
        "before = set(sys.modules)  # what this machine loads at every start\n"
        "import capmon.model as m\n"
        "for i in pkgutil.iter_modules(m.__path__): importlib.import_module('capmon.model.'+i.name)\n"
        "tops = {n.partition('.')[0] for n in set(sys.modules) - before} - set(sys.stdlib_module_names)\n"
        "print(sorted(t for t in tops if not t.startswith('_')))\n"
        "print(sorted(n for n in sys.modules if n.startswith('capmon.') and not n.startswith('capmon.model')))\n"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    tops, ours = run.stdout.splitlines()
    assert tops == "['capmon']"
    assert ours == "['capmon.errors']"
