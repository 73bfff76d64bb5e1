"""What a forecast costs and how good it is, beside well-known methods, on series made here.

Run: python benchmarks/forecast.py [SEEDS]

A week of five-minute values is continued for a day. Peers are measured where they are installed:
`pip install statsmodels statsforecast` into the same environment.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.forecast import breach_probability, quantile_forecast

Vec = NDArray[np.float64]
Forecaster = Callable[[Vec], Vec]

DAY, WEEK, AHEAD = 288, 2016, 288
BAND = np.array([0.025, 0.5, 0.975])
Z95 = 1.959964


def wander(rng: np.random.Generator, n: int, memory: float, size: float) -> Vec:
    """Noise that remembers."""
    steps = rng.normal(0, size, n)
    for i in range(1, n):
        steps[i] += memory * steps[i - 1]
    return steps


def noisy_day(rng: np.random.Generator, n: int) -> Vec:
    """A daily wave with noise that remembers for some minutes."""
    return 100 + 40 * np.sin(2 * np.pi * np.arange(n) / DAY) + wander(rng, n, 0.7, 4)


def day_and_drift(rng: np.random.Generator, n: int) -> Vec:
    """A daily wave on a random walk."""
    return 200 + 40 * np.sin(2 * np.pi * np.arange(n) / DAY) + np.cumsum(rng.normal(0, 0.5, n))


def nightly_job(rng: np.random.Generator, n: int) -> Vec:
    """A calm wave with half an hour of heavy load every night."""
    wave = 100 + 20 * np.sin(2 * np.pi * np.arange(n) / DAY)
    return wave + 80 * (np.arange(n) % DAY < 6) + rng.normal(0, 2, n)


def release(rng: np.random.Generator, n: int) -> Vec:
    """Noise whose level was shifted two days before the end of the history."""
    return 60 + 30 * (np.arange(n) > WEEK - 2 * DAY) + wander(rng, n, 0.5, 4)


def bursts(rng: np.random.Generator, n: int) -> Vec:
    """A low level with bursts at random times."""
    return 10 + rng.gamma(2, 1, n) + 40 * (rng.uniform(size=n) < 0.02)


KINDS = (noisy_day, day_and_drift, nightly_job, release, bursts)


def capmon(y: Vec) -> Vec:
    """Its own quantiles."""
    return quantile_forecast(y, DAY, AHEAD, BAND)


def seasonal_naive(y: Vec) -> Vec:
    """Yesterday again, with Gaussian bands."""
    spread = Z95 * float(np.sqrt(np.mean((y[DAY:] - y[:-DAY]) ** 2)))
    centre = y[-DAY:][np.arange(AHEAD) % DAY]
    return np.stack([centre - spread, centre, centre + spread], axis=1)


def holt_winters(y: Vec) -> Vec:
    """Damped trend and additive season of statsmodels, bands from 200 simulations."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    model = ExponentialSmoothing(
        y, trend="add", damped_trend=True, seasonal="add", seasonal_periods=DAY
    )
    fit = model.fit()
    paths = fit.simulate(AHEAD, repetitions=200, error="add", random_state=0)
    low, high = np.quantile(np.asarray(paths), [0.025, 0.975], axis=1)
    return np.stack([low, np.asarray(fit.forecast(AHEAD)), high], axis=1)


def _statsforecast(name: str) -> Forecaster:
    def forecast(y: Vec) -> Vec:
        from statsforecast import models

        model = (
            models.MSTL(season_length=DAY)
            if name == "MSTL"
            else getattr(models, name)(season_length=DAY)
        )
        found = model.forecast(y=y, h=AHEAD, level=[95])
        return np.stack([found["lo-95"], found["mean"], found["hi-95"]], axis=1)

    return forecast


METHODS: dict[str, Forecaster] = {
    "capmon": capmon,
    "seasonal naive": seasonal_naive,
    "Holt-Winters (statsmodels)": holt_winters,
    "AutoTheta (statsforecast)": _statsforecast("AutoTheta"),
    "MSTL (statsforecast)": _statsforecast("MSTL"),
}


def cpu(what: Callable[[], object], rounds: int) -> float:
    """Median milliseconds of CPU of one call, the first left out."""
    what()
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        what()
        times.append(time.process_time() - begin)
    return 1000 * statistics.median(times)


def loss(truth: Vec, band: Vec) -> float:
    """Mean quantile loss of the three levels."""
    miss = truth[:, None] - band
    return float(np.maximum(BAND * miss, (BAND - 1) * miss).mean())


def quality(method: Forecaster, kind: Callable[..., Vec], seeds: int) -> tuple[float, float, float]:
    """MASE, quantile loss over that of seasonal naive, and share inside the 95 % band."""
    mase, ratio, inside = [], [], []
    for seed in range(seeds):
        y = kind(np.random.default_rng(seed), WEEK + AHEAD)
        past, truth = y[:WEEK], y[WEEK:]
        band = method(past)
        mase.append(np.abs(truth - band[:, 1]).mean() / np.abs(past[DAY:] - past[:-DAY]).mean())
        ratio.append(loss(truth, band) / loss(truth, seasonal_naive(past)))
        inside.append(np.mean((band[:, 0] <= truth) & (truth <= band[:, 2])))
    return float(np.mean(mase)), float(np.exp(np.mean(np.log(ratio)))), float(np.mean(inside))


def main() -> None:
    """Print what each method costs, and how good it is on each kind of series."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    # Peers warn of what they do not converge to; the table says how good it is.
    warnings.filterwarnings("ignore")
    week = noisy_day(np.random.default_rng(0), WEEK)
    print(f"{'2016 values, 288 ahead':32} {'CPU ms':>9} {'ratio':>7}")
    own = cpu(lambda: capmon(week), 20)
    installed: dict[str, Forecaster] = {}
    for name, method in METHODS.items():
        try:
            cost = own if method is capmon else cpu(lambda m=method: m(week), 3)  # type: ignore[misc]
        except ImportError:
            print(f"{name:32} not installed")
            continue
        installed[name] = method
        print(f"{name:32} {cost:9.2f} {cost / own:7.1f}")
    limit = float(np.quantile(week, 0.95))
    breach = cpu(lambda: breach_probability(week, DAY, AHEAD, limit, 3), 20)
    print(f"{'capmon, probability of a breach':32} {breach:9.2f} {breach / own:7.1f}\n")
    print(f"{'MASE / loss over naive / inside 95 %':32}", *(f"{k.__name__:>18}" for k in KINDS))
    for name, method in installed.items():
        rows = (quality(method, kind, seeds) for kind in KINDS)
        print(f"{name:36}", *(f"{a:6.2f} {b:5.2f} {c:5.2f}" for a, b, c in rows))


if __name__ == "__main__":
    main()
