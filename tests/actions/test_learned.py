"""What past actions teach about start-up and predictions."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.actions.learned import NEWEST, Learned, compare, learn, range_of
from capmon.model.results import Estimate, Predicted

P95, CPU = "http.server.request.duration.p95", "system.cpu.utilization"
MODEL = Predicted(P95, 0.2, Estimate(0.15, 0.14, 0.16))


def done(after: object, origin: object = 4, to: object = 5) -> dict[str, Any]:
    """A record of replicas that became ready."""
    return {"event": "done", "from": origin, "to": to, "ready_after": after}


def verified(ratio: float, metric: str = P95, *, comparable: bool = True) -> dict[str, Any]:
    """A record of a verified action whose actual value was so many times the model's."""
    compared = [{"metric": metric, "model": 0.1, "actual": 0.1 * ratio}]
    return {"event": "verified", "comparable": comparable, "compared": compared}


def taught(*ratios: float) -> Learned:
    """What so many verified actions teach."""
    return learn([verified(r) for r in ratios])


def test_nothing_is_learned_from_nothing() -> None:
    """Without records there is no start-up time, and predictions stay as they are."""
    learned = learn([])
    assert learned.startup is None
    assert learned.correction(P95) == (1.0, 1.0)
    assert learned.apply((MODEL,)) == (MODEL,)


def test_startup_is_the_median_and_range_of_replicas_added() -> None:
    """Replicas taken away start nothing, and what is no time is passed over."""
    entries = [
        done(30.0),
        done(20.0),
        done(50.0),
        done(1.0, 5, 4),
        done(None),
        done("x"),
        done(True),
    ]
    assert learn(entries).startup == Estimate(30.0, 20.0, 50.0, 0.5)
    assert learn([done(30.0)]).startup == Estimate(30.0)
    assert learn([done(math.inf), done(3, None), {"event": "attempt"}]).startup is None


def test_only_the_newest_count() -> None:
    """What was learned long ago is forgotten."""
    entries = [done(500.0), verified(9.0)]
    entries += [done(float(n)) for n in range(NEWEST)] + [verified(1.1)] * NEWEST
    learned = learn(entries)
    assert learned.startup is not None
    assert learned.startup.high == NEWEST - 1
    assert learned.ratios[P95] == pytest.approx((1.1,) * NEWEST)


@given(st.lists(st.floats(0.0, 1e6), min_size=2, max_size=40))
def test_range_holds_its_median(seconds: list[float]) -> None:
    """The interval holds every time seen, and its level is below one."""
    found = range_of(seconds)
    assert found is not None
    assert found.low is not None and found.high is not None
    assert found.low <= found.value <= found.high
    assert 0 < found.level < 1


@pytest.mark.parametrize("ratios", [(1.5,), (1.5, 1.4), (1.5, 1.4, 1.3)])
def test_few_actions_only_widen(ratios: tuple[float, ...]) -> None:
    """With one to three the centre stays; the interval would have held the greatest miss."""
    bias, spread = taught(*ratios).correction(P95)
    assert (bias, spread) == (1.0, pytest.approx(1.5))
    (wider,) = taught(*ratios).apply((MODEL,))
    assert wider.after == Estimate(0.15, pytest.approx(0.1), pytest.approx(0.225), 0.95)
    assert wider.model == MODEL.after
    n = "1 past action was" if len(ratios) == 1 else f"{len(ratios)} past actions were"
    assert wider.remark == f"wider: {n} off by up to 1.50×"


def test_four_on_one_side_move_the_centre() -> None:
    """Four that agree move it by their median, and what is left of the misses sets the width."""
    learned = taught(1.2, 1.3, 1.2, 1.1)
    bias, spread = learned.correction(P95)
    assert bias == pytest.approx(1.2)
    assert spread == pytest.approx(1.2 / 1.1)
    (moved,) = learned.apply((MODEL,))
    assert moved.after is not None
    assert moved.after.value == pytest.approx(0.18)
    assert moved.remark == "moved up 20 %: 4 of 4 past actions came higher, then off by up to 1.09×"


@pytest.mark.parametrize(
    ("ratios", "moves"),
    [
        ((1.2, 1.2, 1.2, 0.9), False),
        ((0.8, 0.8, 0.8, 0.8), True),
        ((0.8,) * 4 + (1.1,), False),
        ((0.8,) * 6 + (1.1,), True),
        ((1.2,) * 13 + (0.9,) * 7, False),
        ((1.2,) * 14 + (0.9,) * 6, True),
        ((1.005,) * 20, False),
    ],
)
def test_the_centre_moves_where_chance_would_not(ratios: tuple[float, ...], moves: bool) -> None:
    """Where some disagree, so many must agree that chance is no likelier than with four of four."""
    assert (taught(*ratios).correction(P95)[0] != 1.0) is moves


def test_a_wide_interval_stays_and_an_open_end_stays_open() -> None:
    """What held all misses is left alone; nothing is claimed where the model claims nothing."""
    wide = Predicted(P95, 0.2, Estimate(0.15, 0.05, 0.5))
    assert taught(1.2).apply((wide,)) == (wide,)
    (open_,) = taught(2.0).apply((Predicted(P95, 0.2, Estimate(0.15, 0.14)),))
    assert open_.after == Estimate(0.15, 0.075, None)
    (bare,) = taught(2.0).apply((Predicted(P95, 0.2, Estimate(0.15)),))
    assert bare.after == Estimate(0.15, 0.075, 0.3)
    unknown = Predicted(P95, 0.2, None, "far beyond the load seen")
    assert taught(2.0).apply((unknown,)) == (unknown,)


def test_a_share_stays_a_share() -> None:
    """No correction takes a utilization over 100 %."""
    learned = learn([verified(1.5, CPU)] * 4)
    (found,) = learned.apply((Predicted(CPU, 0.7, Estimate(0.8, 0.7, 0.9)),))
    assert found.after is not None
    assert (found.after.value, found.after.high) == (1.0, 1.0)


def test_applying_twice_is_applying_once() -> None:
    """A corrected prediction is corrected from its model again, not from itself."""
    learned = taught(1.2, 1.3, 1.2, 1.1)
    once = learned.apply((MODEL,))
    assert learned.apply(once) == once
    assert learn([]).apply(once) == (MODEL,)


def test_what_came_at_another_load_teaches_nothing() -> None:
    """Nor does what is malformed, or no positive number."""
    bad: list[dict[str, Any]] = [
        verified(3.0, comparable=False),
        verified(-1.0),
        verified(math.nan),
        {"event": "verified", "comparable": True, "compared": "x"},
        {"event": "verified", "comparable": True, "compared": ["x", {"metric": P95}]},
    ]
    assert learn(bad).ratios == {}


def test_comparison_says_whether_it_came_inside() -> None:
    """Inside, outside, or no interval to be in; the model's own value is kept beside the corrected one."""
    corrected = Predicted(CPU, 0.7, Estimate(0.6, 0.5, 0.7), model=Estimate(0.5, 0.45, 0.55))
    bare = Predicted("system.memory.utilization", 0.5, Estimate(0.5))
    unknown = Predicted("cache.hit_ratio", 0.5, None, "no model")
    actual = {P95: 0.3, CPU: 0.65, "system.memory.utilization": 0.5, "cache.hit_ratio": 0.9}
    found = compare((MODEL, corrected, bare, unknown), actual)
    assert [(c.metric, c.model, c.inside) for c in found] == [
        (P95, 0.15, False),
        (CPU, 0.5, True),
        ("system.memory.utilization", 0.5, None),
    ]
    assert compare((MODEL,), {}) == ()


@given(st.lists(st.floats(0.2, 5.0), min_size=1, max_size=NEWEST))
def test_the_interval_would_have_held_the_past(ratios: list[float]) -> None:
    """Of twenty or fewer misses each lies within the corrected interval at 95 %."""
    (found,) = taught(*ratios).apply((MODEL,))
    assert found.after is not None
    assert found.after.low is not None and found.after.high is not None
    for ratio in ratios:
        assert found.after.low <= 0.15 * ratio * (1 + 1e-9)
        assert found.after.high >= 0.15 * ratio * (1 - 1e-9)
