"""Replays: start-up delay, overload, and what each policy would have cost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from capmon.analysis.foresight.peaks import LEVELS
from capmon.cli import main
from capmon.config.quantities import Ratio
from capmon.config.scaling import HpaSettings, ScalingSettings
from capmon.model.policies import Replay, ReplayTable
from capmon.scaling.policies.hpa import HpaPolicy
from capmon.scaling.simulate.choice import Candidates, Price
from capmon.scaling.simulate.replay import followed, look_ahead, static_peak, turns
from capmon.scaling.simulate.run import POLICIES, Recorded, Runs, simulate
from capmon.scaling.simulate.service import Service, overloaded, queue_curve, serving

SERVICE = Service(100.0, 180.0, 2, 60, 0.7, 60.0, latency=queue_curve(0.25, 0.85), objective=0.25)


def daily(days: int, seed: int = 0, sigma: float = 0.05) -> np.ndarray:
    """A day's course with noise, one value a minute."""
    t = np.arange(days * 1440)
    noise = np.random.default_rng(seed).normal(0, sigma, len(t))
    return 1000 * (1 + 0.7 * np.sin(2 * np.pi * t / 1440)) * np.exp(noise)


def by_policy(table: ReplayTable) -> dict[str, Replay]:
    """Rows by name."""
    return {row.policy: row for row in table.rows}


def test_a_replica_serves_after_its_start_up() -> None:
    """Asked for at the end of the first minute, it serves from the fifth on; taken away, it is gone at once."""
    asked = np.array([4, 4, 4, 4, 4, 4, 3, 3])
    assert serving(asked, 2, 3).tolist() == [2, 2, 2, 2, 4, 4, 4, 3]


def test_a_replica_taken_away_while_it_starts_never_serves() -> None:
    """The newest go first: 2 → 6 → 3 within the start-up leaves one that starts."""
    assert serving(np.array([6, 3, 3, 3, 3, 3]), 2, 3).tolist() == [2, 2, 2, 2, 3, 3]


def test_overload_is_more_than_the_serving_replicas_carry() -> None:
    """Just full is not over; a minute that is not known counts for nothing."""
    load = np.array([200.0, 200.1, np.nan, 900.0])
    assert overloaded(load, np.array([2, 2, 2, 9]), 100.0).tolist() == [False, True, False, False]


def test_look_ahead_asks_before_the_load_comes() -> None:
    """It has what it needs in every minute, start-up included, and static peak too."""
    load = daily(3)
    for asked in (look_ahead(load, SERVICE), static_peak(load, SERVICE)):
        ready = serving(asked, int(asked[0]), SERVICE.delay)
        assert not overloaded(load[3:], ready[3:], SERVICE.capacity * SERVICE.target * 1.0001).any()


def test_hpa_follows_a_doubling_in_one_go() -> None:
    """The next verdict after the minute that doubled asks for all of it: 100 % in 15 s is no limit."""
    load = np.concatenate((np.full(30, 280.0), np.full(30, 560.0)))
    asked = followed(HpaPolicy(HpaSettings(), 2, 60, explain=False), load, SERVICE)
    assert asked[29] == 4
    assert asked[30] == 8


def test_a_gap_changes_nothing() -> None:
    """No fresh measurement, no action: the count before the gap stands through it."""
    load = np.full(60, 280.0)
    load[20:40] = np.nan
    asked = followed(HpaPolicy(HpaSettings(), 2, 60, explain=False), load, SERVICE)
    assert set(asked.tolist()) == {4}


def test_turns_count_changes_of_direction() -> None:
    """Four changes, two of them against the one before."""
    assert turns(np.array([2, 3, 3, 4, 3, 5])) == (4, 2)
    assert turns(np.array([7])) == (0, 0)


def test_the_table_of_a_noisy_day() -> None:
    """Floors under HPA: at most a third of its overload for at most a quarter more, never more of it."""
    load = daily(5, sigma=0.25)
    capacity = float(np.quantile(load[3 * 1440 :], 0.9995)) / 40
    service = Service(capacity, 180.0, 2, 60, 0.7, 60.0)
    rows = by_policy(simulate(Recorded(load, 3 * 1440), service, ScalingSettings()))
    hpa, predictive = rows["hpa"], rows["predictive"]
    assert hpa.overload_percent > 0.5
    assert predictive.overload_percent <= hpa.overload_percent / 3
    assert predictive.replica_hours <= 1.25 * hpa.replica_hours
    assert rows["static_peak"].actions == 0
    assert rows["look_ahead"].relative_replica_hours == 1.0
    assert all(row.slo_minutes is None and row.cost is None for row in rows.values())


def test_predictive_is_never_below_hpa_in_any_minute() -> None:
    """Not even in the first of the replay, to which both come with the same past."""
    load = np.concatenate((daily(2, sigma=0.2), np.full(60, 3000.0), np.full(400, 200.0)))
    service = Service(100.0, 180.0, 2, 60, 0.7, 60.0)
    runs = Runs(Recorded(load, 2 * 1440 + 61), service, ScalingSettings())
    assert np.all(runs.asked("predictive") >= runs.asked("hpa"))
    assert runs.asked("hpa")[0] > 10


def test_an_overload_with_a_price_buys_what_it_is_worth() -> None:
    """The dearer the minute, the more replica-hours; for next to nothing the floor is left out."""
    load = daily(3, sigma=0.3)
    service = Service(float(np.quantile(load, 0.9995)) / 40, 180.0, 2, 60, 0.7, 60.0)

    def hours(price: float) -> float:
        table = simulate(
            Recorded(load, 2 * 1440),
            service,
            ScalingSettings(overload_minute=price),
            ["predictive"],
        )
        return table.rows[0].replica_hours

    cheap, fair, dear = hours(0.001), hours(1.0), hours(100.0)
    assert cheap < fair < dear


def test_a_short_history_chooses_nothing() -> None:
    """It says so, and the policy is HPA."""
    table = simulate(Recorded(daily(1), 20), SERVICE, ScalingSettings(), ["hpa", "predictive"])
    rows = by_policy(table)
    assert rows["predictive"].replica_hours == rows["hpa"].replica_hours
    assert table.notes == ("predictive: the history is too short to choose a forecast from",)


def test_a_level_that_the_history_has_no_case_of_is_not_tried() -> None:
    """Of a day by five minutes no level beyond 0.995 says more than the greatest peak."""
    load = daily(3)[::5]
    service = Service(100.0, 180.0, 2, 60, 0.7, 300.0)
    runs = Runs(Recorded(load, 288), service, ScalingSettings(floor_budget=Ratio(1.0)))
    runs.asked("predictive")
    alone = runs.asked("hpa")
    early = Candidates(load[:200], np.resize(alone, 200), service, 50, 300.0)
    choice = early.best(200, Price(budget=1.0))
    assert choice is not None and LEVELS[choice.level] <= 1 - 1 / 201
    assert runs.latest is not None and LEVELS[runs.latest.level] <= 1 - 1 / len(load)
    assert choice.said().endswith("in 12 h")


def test_a_choice_needs_a_history_that_judges_it() -> None:
    """A few leads of it show chance alone."""
    load = daily(1)[:60]
    alone = np.full(60, 20, dtype=np.int64)
    candidates = Candidates(load, alone, SERVICE, 15, 300.0)
    assert candidates.best(44, Price()) is None
    assert candidates.best(45, Price()) is not None


def test_a_floor_stands_as_long_as_hpas_own_recommendations() -> None:
    """The longer the stabilization, the longer the floor, in the choice as in the policy."""
    load = daily(4, sigma=0.2)
    service = Service(float(np.quantile(load, 0.9995)) / 40, 180.0, 2, 60, 0.7, 60.0)
    alone = np.full(len(load), 2, dtype=np.int64)
    short, long = (
        Candidates(load, alone, service, 1440, hold).best(len(load), Price(budget=1e9))
        for hold in (60.0, 1800.0)
    )
    assert short is not None and long is not None
    assert long.extra > 1.05 * short.extra


def test_a_price_gives_costs() -> None:
    """Cost is replica-hours times the price."""
    table = simulate(Recorded(daily(1), 720), SERVICE, ScalingSettings(price_per_hour=0.1), ["hpa"])
    row = table.rows[0]
    assert row.cost == pytest.approx(0.1 * row.replica_hours)
    assert row.slo_minutes is not None


def write(path: Path, load: np.ndarray) -> Path:
    """The load as CSV of timestamp,value."""
    rows = "".join(f"{1_700_000_000 + 60 * i},{v:.2f}\n" for i, v in enumerate(load))
    path.write_text("timestamp,value\n" + rows)
    return path


def run(*arguments: object) -> tuple[int, str, str]:
    """`capmon simulate` with arguments: status, output, errors."""
    result = CliRunner().invoke(main, ["simulate", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_prints_json(tmp_path: Path) -> None:
    """One object a policy with the documented keys, and nothing else on standard output."""
    path = write(tmp_path / "load.csv", daily(2))
    status, out, err = run("--load", path, "--train", "1d", "--json")
    rows = json.loads(out)
    assert status == 0, err
    assert [row["policy"] for row in rows] == list(POLICIES)
    assert set(rows[0]) == {
        "policy",
        "overload_percent",
        "slo_minutes",
        "replica_hours",
        "relative_replica_hours",
        "actions",
        "direction_changes",
        "cost",
    }
    assert "(assumed)" in err


def test_the_command_takes_its_options(tmp_path: Path) -> None:
    """A capacity of ten times as much takes a tenth of the replicas."""
    path = write(tmp_path / "load.csv", daily(2))
    common = ("--load", path, "--train", "1d", "--json", "--policy", "static_peak", "--min", 1)
    few = json.loads(run(*common, "--capacity", 1000, "--max", 500)[1])[0]
    many = json.loads(run(*common, "--capacity", 100, "--max", 500)[1])[0]
    full = json.loads(run(*common, "--capacity", 100, "--max", 500, "--target", "100%")[1])[0]
    assert many["replica_hours"] == pytest.approx(10 * few["replica_hours"], rel=0.2)
    assert full["replica_hours"] == pytest.approx(0.7 * many["replica_hours"], rel=0.03)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give --load FILE"),
        (["--load", "nowhere.csv"], "nowhere.csv: No such file"),
        (["--load", "short.csv", "--train", "7d"], "leave nothing to replay after 7 d of history"),
        (["--load", "short.csv", "--min", "5", "--max", "2"], "--min 5 is more than --max 2"),
        (["--load", "short.csv", "--target", "0%"], "--target must be more than 0%"),
        (["--load", "short.csv", "--startup", "soon"], "soon"),
        (["--load", "negative.csv", "--train", "1m"], "never below 0"),
        (["--load", "zero.csv", "--train", "1m"], "never above 0"),
        (["--history", "14d"], "there is no history yet"),
    ],
)
def test_bad_input_gets_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    """One line that says what is wrong, on standard error, and a status that is not 0."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "short.csv", daily(1))
    write(tmp_path / "negative.csv", np.array([1.0, 2.0, -3.0, 4.0]))
    write(tmp_path / "zero.csv", np.zeros(10))
    status, out, err = run(*arguments)
    assert status in (1, 2)
    assert said in err
    assert out == ""
