"""What one replica should ask for, by the use of its CPU and memory."""

from __future__ import annotations

import json
import math
import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capmon.errors import CapmonError
from capmon.scaling.policies.decaying import (
    CPU_BUCKETS,
    GROWTH,
    HALF_LIFE,
    MEMORY_BUCKETS,
    Buckets,
    DecayingHistogram,
)
from capmon.scaling.policies.recommender import (
    LOWER,
    MARGIN,
    MEMORY_INTERVAL,
    MEMORY_INTERVALS,
    OOM_FACTOR,
    OOM_LEAST,
    SAMPLES_A_DAY,
    TARGET,
    UPPER,
    Recommendations,
    Recommender,
)

DAY = 86400.0
MIB, GIB = 2.0**20, 2.0**30
BUCKET = GROWTH - 1
"""A value lies at most so much below the end of its bucket, as a share, plus the first bucket."""

values = st.floats(0, 1e300, allow_nan=False)
shares = st.floats(0.01, 1.0)


def cores(recommender: Recommender) -> tuple[float, float, float]:
    """Value, low and high of the CPU, all of which must be known."""
    found = recommender.recommend().cores
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    return found.value, found.low, found.high


def memory(recommender: Recommender) -> float:
    """Bytes recommended, without the margin."""
    found = recommender.recommend().memory
    assert found is not None
    return found.value / 1.15


def end(buckets: Buckets, value: float) -> float:
    """End of the bucket that holds a value."""
    return buckets.start(buckets.index(value) + 1)


def test_constants_are_those_of_the_original() -> None:
    """As they were written down from its source."""
    path = Path(__file__).parent.parent / "data" / "vectors" / "hpa.json"
    told = json.loads(path.read_text(encoding="utf-8"))["vpa_defaults"]
    assert (told["target_pct"], told["lower_pct"], told["upper_pct"]) == (TARGET, LOWER, UPPER)
    assert told["margin"] == MARGIN
    assert told["halflife_h"] * 3600 == HALF_LIFE
    assert told["mem_interval_h"] * 3600 == MEMORY_INTERVAL
    assert told["mem_intervals"] == MEMORY_INTERVALS
    assert told["bucket_growth"] == pytest.approx(GROWTH - 1)
    assert told["cpu_first_bucket"] == CPU_BUCKETS.first
    assert told["mem_first_bucket"] == MEMORY_BUCKETS.first
    assert told["conf"] == f"min(days_span, samples/{SAMPLES_A_DAY:g})"
    assert told["oom_bump"] == f"max(+{OOM_LEAST / MIB:g}MiB, x{OOM_FACTOR:g})"


# Buckets


@pytest.mark.parametrize(
    ("value", "index"),
    [
        (0.0, 0),
        (0.0099, 0),
        (0.01, 1),
        (0.0204, 1),
        (0.0205, 2),
        (1e3, 174),
        (1051.0, 175),
        (1e300, 175),
    ],
)
def test_a_value_falls_into_its_bucket(value: float, index: int) -> None:
    """The first is .01 core wide, the second 5 % wider; what is beyond the last falls into it."""
    assert CPU_BUCKETS.index(value) == index


@pytest.mark.parametrize("buckets", [CPU_BUCKETS, MEMORY_BUCKETS])
def test_buckets_start_where_the_one_before_ends(buckets: Buckets) -> None:
    """Each bound is the first value of its bucket, and each bucket is 5 % wider than the last."""
    starts = [buckets.start(i) for i in range(buckets.last + 1)]
    assert [buckets.index(s) for s in starts] == list(range(buckets.last + 1))
    below = [math.nextafter(s, 0) for s in starts[1:]]
    assert [buckets.index(s) for s in below] == list(range(buckets.last))
    widths = [b - a for a, b in pairwise(starts)]
    assert [b / a for a, b in pairwise(widths)] == pytest.approx([1.05] * (len(widths) - 1))
    assert widths[0] == buckets.first
    assert starts[-2] < buckets.most <= starts[-1]


@given(values)
def test_every_value_has_a_bucket_that_holds_it(value: float) -> None:
    """Also the greatest floats."""
    index = MEMORY_BUCKETS.index(value)
    assert MEMORY_BUCKETS.start(index) <= value
    assert index == MEMORY_BUCKETS.last or value < MEMORY_BUCKETS.start(index + 1)


# Histogram


def test_an_empty_histogram_knows_nothing() -> None:
    """No percentile is not a percentile of 0."""
    assert DecayingHistogram(CPU_BUCKETS).quantile(0.9) is None


def test_a_quantile_is_the_end_of_its_bucket() -> None:
    """As in the original, so that a recommendation lies above what was used."""
    histogram = DecayingHistogram(CPU_BUCKETS)
    histogram.add(0.0, 0.5)
    assert histogram.quantile(0.1) == histogram.quantile(1.0) == end(CPU_BUCKETS, 0.5) > 0.5


def test_the_last_bucket_gives_its_start() -> None:
    """It has no end."""
    histogram = DecayingHistogram(MEMORY_BUCKETS)
    histogram.add(0.0, 1e15)
    assert histogram.quantile(0.5) == MEMORY_BUCKETS.start(MEMORY_BUCKETS.last)


def test_a_quantile_that_meets_a_bound_does_not_pass_it() -> None:
    """Nine of ten equal weights are 90 %, whatever the rounding of their sum."""
    for weight in (0.1, 1 / 3, 0.7, 1.0, 1e-3):
        histogram = DecayingHistogram(CPU_BUCKETS)
        for i in range(10):
            histogram.add(0.0, 1.0 if i < 9 else 2.0, weight)
        assert histogram.quantile(0.9) == end(CPU_BUCKETS, 1.0)
        assert histogram.quantile(0.91) == end(CPU_BUCKETS, 2.0)


@pytest.mark.parametrize("days", [0, 1, 2, 5])
def test_a_sample_of_yesterday_weighs_half(days: int) -> None:
    """One fresh sample outweighs 2^days - 1 old ones and not 2^days + 1."""
    for old, wanted in ((2**days - 1, 2.0), (2**days + 1, 1.0)):
        histogram = DecayingHistogram(CPU_BUCKETS)
        for _ in range(old):
            histogram.add(0.0, 1.0)
        histogram.add(days * DAY, 2.0)
        # The greater value holds more than half of the weight, or less.
        assert histogram.quantile(0.5) == end(CPU_BUCKETS, wanted)


def test_weights_scale_with_their_age_exactly() -> None:
    """Two samples of 12 hours ago weigh 2^.5 of a fresh one."""
    histogram = DecayingHistogram(CPU_BUCKETS)
    histogram.add(0.0, 1.0, 2.0)
    histogram.add(HALF_LIFE / 2, 2.0)
    share = 2.0 / (2.0 + 2**0.5)
    assert histogram.quantile(share - 1e-9) == end(CPU_BUCKETS, 1.0)
    assert histogram.quantile(share + 1e-9) == end(CPU_BUCKETS, 2.0)


def test_years_of_samples_do_not_overflow() -> None:
    """Weights are scaled down in time, and the ratio of the latest two stays what it was."""
    histogram = DecayingHistogram(CPU_BUCKETS)
    for day in range(4000):
        histogram.add(day * DAY, 1.0 if day % 2 else 2.0)
    # 2 was seen a day before 1 each time, so it weighs half as much.
    assert histogram.quantile(2 / 3 - 1e-9) == end(CPU_BUCKETS, 1.0)
    assert histogram.quantile(2 / 3 + 1e-9) == end(CPU_BUCKETS, 2.0)
    weights = histogram.to_state()["weights"]
    assert isinstance(weights, dict)
    assert all(0 < w < 2.0**102 for w in weights.values())


def test_what_has_faded_is_dropped_when_scaled() -> None:
    """One sample after a pause of months is all there is."""
    histogram = DecayingHistogram(CPU_BUCKETS)
    histogram.add(0.0, 8.0, 1000.0)
    histogram.add(150 * DAY, 1.0)
    assert histogram.quantile(1.0) == end(CPU_BUCKETS, 1.0)
    assert list(histogram.to_state()["weights"]) == [str(CPU_BUCKETS.index(1.0))]


def test_what_is_removed_leaves_nothing() -> None:
    """Adding and removing gives the histogram before, even across a scaling."""
    histogram = DecayingHistogram(CPU_BUCKETS)
    histogram.add(0.0, 1.0)
    histogram.add(90 * DAY, 2.0)
    histogram.add(101 * DAY, 1.0)
    histogram.remove(90 * DAY, 2.0)
    assert list(histogram.to_state()["weights"]) == [str(CPU_BUCKETS.index(1.0))]


def test_a_sample_from_the_depth_of_time_weighs_nothing() -> None:
    """Its weight is too small for a float, and leaves a state that can be read back."""
    histogram = DecayingHistogram(CPU_BUCKETS)
    histogram.add(2000 * DAY, 1.0)
    histogram.add(0.0, 5.0)
    kept = DecayingHistogram.from_state(CPU_BUCKETS, histogram.to_state())
    assert kept.quantile(1.0) == end(CPU_BUCKETS, 1.0)


@given(st.lists(st.tuples(values, st.floats(0, 300)), min_size=1, max_size=30), shares)
def test_a_quantile_bounds_its_share(samples: list[tuple[float, float]], share: float) -> None:
    """At least that share of weight lies at or below it, and some value lies in its bucket."""
    histogram = DecayingHistogram(CPU_BUCKETS)
    for value, day in sorted(samples, key=lambda s: s[1]):
        histogram.add(day * DAY, value)
    found = histogram.quantile(share)
    assert found is not None
    newest = max(day for _, day in samples)
    weights = [(value, 2 ** (day - newest)) for value, day in samples]
    below = sum(w for v, w in weights if v < found or CPU_BUCKETS.index(v) == CPU_BUCKETS.last)
    assert below >= share * sum(w for _, w in weights) * (1 - 1e-9) - 1e-20


# Recommendations


def test_nothing_measured_is_nothing_recommended() -> None:
    """What is missing is said, and is never 0."""
    assert Recommender().recommend() == Recommendations(
        None, None, ("use of the CPU was not measured yet", "use of memory was not measured yet")
    )


def test_one_resource_may_be_known_alone() -> None:
    """Memory is no less known where the CPU is not."""
    recommender = Recommender()
    recommender.add_memory(0.0, 2 * GIB)
    found = recommender.recommend()
    assert (found.cores, found.memory is None) == (None, False)
    assert found.missing == ("use of the CPU was not measured yet",)


def test_uniform_use_gives_its_percentiles() -> None:
    """A week of use between 0 and 2 cores, once a minute: p90, p50 and p95 with 15 % more."""
    recommender = Recommender()
    for minute in range(7 * 1440 + 1):
        # A lattice that fills the range evenly at every time scale.
        recommender.add_cpu(minute * 60.0, 2.0 * (minute * 0.6180339887498949 % 1))
    value, low, high = cores(recommender)
    confidence = 7.0
    for found, share, factor in (
        (value, 0.9, 1.0),
        (low, 0.5, (1 + 0.001 / confidence) ** -2),
        (high, 0.95, 1 + 1 / confidence),
    ):
        exact = 2.0 * share * 1.15 * factor
        assert exact * 0.995 <= found <= exact * (1 + BUCKET) * 1.005 + 0.02


def test_lognormal_use_gives_its_percentiles() -> None:
    """Bursty use with a median of .5 cores: the percentiles of the distribution, rounded up."""
    recommender = Recommender()
    rng = random.Random(7)
    for minute in range(4 * 1440):
        recommender.add_cpu(minute * 60.0, rng.lognormvariate(math.log(0.5), 0.6))
    value, low, high = cores(recommender)
    confidence = (4 * 1440 - 1) / 1440
    for found, z, factor in (
        (value, 1.2815515655, 1.0),
        (low, 0.0, (1 + 0.001 / confidence) ** -2),
        (high, 1.6448536270, 1 + 1 / confidence),
    ):
        exact = 0.5 * math.exp(0.6 * z) * 1.15 * factor
        assert exact * 0.93 <= found <= exact * (1 + BUCKET) * 1.07 + 0.02


@pytest.mark.parametrize(
    ("days", "lower", "upper"),
    [(0.5, (1 + 0.002) ** -2, 3.0), (1.0, (1 + 0.001) ** -2, 2.0), (7.0, (1 + 0.001 / 7) ** -2, 1 + 1 / 7)],
)  # fmt: skip
def test_bounds_widen_where_history_is_short(days: float, lower: float, upper: float) -> None:
    """Twelve hours triple the upper bound, a day doubles it, a week adds a seventh."""
    recommender = Recommender()
    for minute in range(int(days * 1440) + 1):
        recommender.add_cpu(minute * 60.0, 1.0)
    base = end(CPU_BUCKETS, 1.0) * 1.15
    assert cores(recommender) == pytest.approx((base, base * lower, base * upper))


def test_few_samples_are_little_history() -> None:
    """144 samples in ten days count as a tenth of a day."""
    recommender = Recommender()
    for i in range(144):
        recommender.add_cpu(i * DAY / 14.3, 1.0)
    base = end(CPU_BUCKETS, 1.0) * 1.15
    assert cores(recommender)[2] == pytest.approx(base * 11)


def test_one_sample_bounds_nothing_above() -> None:
    """Without history the upper bound is open and the lower one is 0."""
    recommender = Recommender()
    recommender.add_cpu(0.0, 1.0)
    found = recommender.recommend().cores
    assert found is not None
    assert (found.low, found.high) == (0.0, None)


def test_a_weight_counts_as_so_many_samples() -> None:
    """A sample of weight 20 outweighs ten others, for the target and not for the history."""
    recommender = Recommender()
    for minute in range(10):
        recommender.add_cpu(minute * 60.0, 1.0)
    recommender.add_cpu(600.0, 3.0, 20.0)
    assert cores(recommender)[0] == pytest.approx(end(CPU_BUCKETS, 3.0) * 1.15)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
def test_what_is_no_use_is_not_counted(bad: float) -> None:
    """The sample is refused and leaves no trace."""
    recommender = Recommender()
    assert not recommender.add_cpu(0.0, bad)
    assert not recommender.add_memory(0.0, bad)
    assert not recommender.add_out_of_memory(0.0, bad)
    assert recommender.to_state() == Recommender().to_state()


def test_the_same_sample_counts_once() -> None:
    """A CPU sample no later than the one before it is refused, a memory sample if it is earlier."""
    recommender = Recommender()
    assert recommender.add_cpu(60.0, 1.0)
    assert recommender.add_memory(60.0, GIB)
    before = recommender.to_state()
    assert not recommender.add_cpu(60.0, 1.0)
    assert not recommender.add_cpu(59.0, 1.0)
    assert not recommender.add_memory(59.0, 9 * GIB)
    assert recommender.to_state() == before


# Memory


def weights(recommender: Recommender) -> dict[int, float]:
    """Weight of each bucket of memory."""
    state = recommender.to_state()["memory"]
    assert isinstance(state, dict)
    return {int(bucket): weight for bucket, weight in state["weights"].items()}


def test_only_the_peak_of_a_day_counts() -> None:
    """As the peak grows, the old one is taken out; what is lower changes nothing."""
    recommender = Recommender()
    for minute, used in enumerate([1.0, 3.0, 2.0, 5.0, 4.0]):
        recommender.add_memory(minute * 60.0, used * GIB)
    assert weights(recommender) == {MEMORY_BUCKETS.index(5 * GIB): 1.0}


def test_each_day_adds_one_peak() -> None:
    """Intervals follow the first sample, whatever the hour; the younger peak weighs twice."""
    recommender = Recommender()
    for hour in range(48):
        recommender.add_memory(1000.0 + hour * 3600.0, (2 + (hour >= 24)) * GIB)
    found = weights(recommender)
    old, new = (found[MEMORY_BUCKETS.index(n * GIB)] for n in (2, 3))
    assert len(found) == 2
    assert new == pytest.approx(2 * old)


def test_days_without_samples_are_skipped() -> None:
    """After three days off, the next peak is three intervals younger and weighs eight times."""
    recommender = Recommender()
    recommender.add_memory(0.0, 2 * GIB)
    recommender.add_memory(3.5 * DAY, 3 * GIB)
    found = weights(recommender)
    assert found[MEMORY_BUCKETS.index(3 * GIB)] == pytest.approx(
        8 * found[MEMORY_BUCKETS.index(2 * GIB)]
    )


def test_memory_recommended_is_the_ninetieth_percentile_of_peaks() -> None:
    """The latest of eight days holds half of all weight, so its peak is what counts."""
    recommender = Recommender()
    for day in range(8):
        recommender.add_memory(day * DAY, (8 - day) * GIB)
    # Weights 1, 2, ... 128 from 8 GiB down to 1 GiB: 90 % of 255 is reached at 4 GiB.
    assert memory(recommender) == pytest.approx(end(MEMORY_BUCKETS, 4 * GIB))


@pytest.mark.parametrize(
    ("used", "needed"), [(200 * MIB, 300 * MIB), (500 * MIB, 600 * MIB), (5 * GIB, 6 * GIB)]
)
def test_a_kill_asks_for_more(used: float, needed: float) -> None:
    """100 MiB more or a fifth, whichever is more."""
    recommender = Recommender()
    recommender.add_memory(0.0, used)
    assert recommender.add_out_of_memory(60.0, used)
    assert weights(recommender) == {MEMORY_BUCKETS.index(needed): 1.0}


def test_kills_do_not_add_up() -> None:
    """A replica that is killed ten times in a day asks for a fifth more, not for six times as much."""
    recommender = Recommender()
    recommender.add_memory(0.0, 4 * GIB)
    for minute in range(10):
        recommender.add_out_of_memory(60.0 * minute, 4 * GIB)
    assert weights(recommender) == {MEMORY_BUCKETS.index(4.8 * GIB): 1.0}


def test_a_kill_counts_from_the_peak_that_was_measured() -> None:
    """What was in use at the kill may have been read too late to be the most."""
    recommender = Recommender()
    recommender.add_memory(0.0, 5 * GIB)
    recommender.add_out_of_memory(60.0, 1 * GIB)
    assert weights(recommender) == {MEMORY_BUCKETS.index(6 * GIB): 1.0}


def test_a_kill_of_another_day_is_not_counted() -> None:
    """It came before the present interval, whose peak it would falsify."""
    recommender = Recommender()
    recommender.add_memory(0.0, 1 * GIB)
    recommender.add_memory(2 * DAY, 1 * GIB)
    before = recommender.to_state()
    assert not recommender.add_out_of_memory(DAY, 8 * GIB)
    assert recommender.to_state() == before


def test_a_kill_in_a_new_day_opens_it() -> None:
    """The measured peak of the day before says nothing of it."""
    recommender = Recommender()
    recommender.add_memory(0.0, 5 * GIB)
    assert recommender.add_out_of_memory(1.5 * DAY, 1 * GIB)
    assert set(weights(recommender)) == {
        MEMORY_BUCKETS.index(5 * GIB),
        MEMORY_BUCKETS.index(1.2 * GIB),
    }


def test_what_is_eight_days_old_is_forgotten() -> None:
    """Use of before a pause that long says nothing of the service of today."""
    recommender = Recommender()
    for minute in range(100):
        recommender.add_cpu(minute * 60.0, 8.0)
        recommender.add_memory(minute * 60.0, 8 * GIB)
    for minute in range(2):
        recommender.add_cpu(9 * DAY + minute * 60.0, 1.0)
        recommender.add_memory(9 * DAY + minute * 60.0, GIB)
    fresh = Recommender()
    for minute in range(2):
        fresh.add_cpu(9 * DAY + minute * 60.0, 1.0)
        fresh.add_memory(9 * DAY + minute * 60.0, GIB)
    assert recommender.to_state() == fresh.to_state()


# State


def busy(seed: int, start: float = 0.0, minutes: int = 3000) -> Recommender:
    """Two days of use, with a kill."""
    rng = random.Random(seed)
    recommender = Recommender()
    for minute in range(minutes):
        recommender.add_cpu(start + minute * 60.0, rng.expovariate(1.0))
        recommender.add_memory(start + minute * 60.0, rng.uniform(1, 4) * GIB)
    recommender.add_out_of_memory(start + minutes * 60.0, 4 * GIB)
    return recommender


def test_state_survives_a_restart() -> None:
    """Through JSON and back, it recommends the same, and goes on learning the same."""
    lived = busy(1)
    woken = Recommender.from_state(json.loads(json.dumps(lived.to_state(), allow_nan=False)))
    assert woken.recommend() == lived.recommend()
    for minute in range(3001, 4000):
        for each in (lived, woken):
            each.add_cpu(minute * 60.0, 2.0)
            each.add_memory(minute * 60.0, 6 * GIB)
    assert woken.to_state() == lived.to_state()


def test_state_moves_to_another_clock() -> None:
    """A clock that starts anew changes nothing of what is recommended, now and later."""
    here, there = busy(2), busy(2)
    there.moved(-1e5)
    for minute in range(3001, 5000):
        here.add_cpu(minute * 60.0, 3.0)
        here.add_memory(minute * 60.0, 5 * GIB)
        there.add_cpu(minute * 60.0 - 1e5, 3.0)
        there.add_memory(minute * 60.0 - 1e5, 5 * GIB)
    assert there.recommend() == here.recommend()


def test_an_empty_state_moves_and_survives() -> None:
    """There is nothing in it that could go wrong."""
    recommender = Recommender()
    recommender.moved(5.0)
    assert Recommender.from_state(recommender.to_state()).recommend().missing


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"cpu": None},
        {"cpu": {"reference": 0.0, "weights": {"-1": 1.0}}},
        {"cpu": {"reference": 0.0, "weights": {"9999": 1.0}}},
        {"cpu": {"reference": 0.0, "weights": {"x": 1.0}}},
        {"cpu": {"reference": 0.0, "weights": {"1": -1.0}}},
        {"cpu": {"reference": 0.0, "weights": {"1": math.inf}}},
        {"cpu": {"reference": None, "weights": {"1": 1.0}}},
        {"cpu": {"reference": math.nan, "weights": {"1": 1.0}}},
        {"memory": {"weights": {}}},
        {"memory": {"reference": 0.0, "weights": []}},
        {"cpu_history": [0.0, 1.0]},
        {"cpu_history": [0.0, math.inf, 3]},
        {"memory_history": 7},
        {"interval": [None, 1e9, 1e9]},
        {"interval": ["a", 1e9, 1e9]},
    ],
)
def test_a_broken_state_is_refused(change: dict[str, object]) -> None:
    """A file that was cut or edited is an error of ours, not one of Python's."""
    with pytest.raises(CapmonError):
        Recommender.from_state({**busy(3, minutes=10).to_state(), **change})


@pytest.mark.parametrize("state", [{}, [], None, "x"])
def test_what_is_no_state_is_refused(state: object) -> None:
    """Whatever JSON it is."""
    with pytest.raises(CapmonError):
        Recommender.from_state(state)  # type: ignore[arg-type]


def test_weeks_of_minutes_stay_small() -> None:
    """Weights are kept for values that differ, not for samples."""
    recommender = busy(4, minutes=20000)
    assert len(json.dumps(recommender.to_state())) < 10_000
