"""The Universal Scalability Law: how throughput grows with concurrency, and where it peaks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from capmon.analysis.curves.lines import explained, t_95
from capmon.analysis.curves.question import Question, refused, usable
from capmon.analysis.windows import Mat, Vec
from capmon.errors import NotEnoughData
from capmon.model.curves import Coefficient, Estimate, Fit, FitKind
from capmon.model.shapes import NAMES

LEAST_POINTS = 4
"""Different measurements that three parameters and a residual take."""

IN_RANGE = 3.0
"""A peak beyond this many times the greatest concurrency measured is none that the data show."""

NO_PEAK = "no peak in range"

_STEPS = 100
_BEYOND = 1.25
_LEAST_BEYOND = 5
_RESAMPLES = 2000
_CLOSE = 1e-12
_ROUNDING = 1e-14
_LEAST = np.array([0.0, 0.0, 1e-12])


@dataclass(frozen=True, slots=True)
class Scalability:
    """X(N) = γ·N/(1 + α·(N - 1) + β·N·(N - 1)) with its errors."""

    alpha: float
    """Contention: the share of the work that only one can do at a time."""

    beta: float
    """Coherency: the cost of each pair that must agree."""

    gamma: float
    """Throughput of one."""

    std_errors: tuple[float, float, float]
    """Of alpha, beta and gamma."""

    covariance: Mat
    """(3, 3) of alpha, beta and gamma."""

    sigma: float
    """Standard deviation of the residuals, in the unit of the throughput."""

    freedom: int
    """Measurements less parameters."""

    r_squared: float
    """Share of the throughput's variance explained."""

    most: float
    """Greatest concurrency measured."""

    def throughput(self, concurrency: Vec) -> Vec:
        """(n,) the law at concurrencies."""
        throughput: Vec = _law(np.array([[self.alpha, self.beta, self.gamma]]), concurrency)[0]
        return throughput

    def interval(self, index: int) -> Estimate:
        """A coefficient with its 95 % interval, from Student's t; its ends may be negative."""
        value = (self.alpha, self.beta, self.gamma)[index]
        half = t_95(self.freedom) * self.std_errors[index]
        return Estimate(value, value - half, value + half)

    @property
    def peak(self) -> float | None:
        """Concurrency of the greatest throughput; None where it is not within the range measured."""
        at = _peaks(np.array([[self.alpha, self.beta, self.gamma]]))[0]
        return float(at) if at <= IN_RANGE * self.most else None

    @property
    def peak_throughput(self) -> float | None:
        """Throughput there."""
        peak = self.peak
        return None if peak is None else float(self.throughput(np.array([peak]))[0])

    @property
    def limit(self) -> float | None:
        """Amdahl's limit γ/α, what throughput would tend to without coherency; None without α."""
        return self.gamma / self.alpha if self.alpha > 0 else None

    @property
    def optimal(self) -> float | None:
        """Concurrency at which linear growth would reach Amdahl's limit, 1/α; None without α."""
        return 1 / self.alpha if self.alpha > 0 else None


def scalability(concurrency: Vec, throughput: Vec) -> Scalability:
    """Fit the law by least squares with α and β of 0 or more.

    The start is the fit of N/X, which is linear in the coefficients. The standard errors count
    three parameters even where one is at its bound.

    Args:
        concurrency: (n,) users, threads or processors, above 0.
        throughput: (n,) of the whole system, above 0.

    Raises:
        NotEnoughData: Fewer than four usable measurements, fewer than three concurrencies, or
            values that no law fits in numbers.

    Source:
        Gunther, Guerrilla Capacity Planning (2007), chapters 4 to 6; Bates and Watts, Nonlinear
        Regression Analysis (1988), chapter 2.
    """
    good = np.isfinite(concurrency) & np.isfinite(throughput)
    good &= (concurrency > 0) & (throughput > 0)
    load, rate = (
        np.asarray(concurrency)[good].astype(float),
        np.asarray(throughput)[good].astype(float),
    )
    n = len(load)
    if n < LEAST_POINTS or len(np.unique(load)) < 3:
        raise NotEnoughData(f"needs {LEAST_POINTS} measurements at 3 concurrencies, has {n}")
    scale = float(rate.max())
    with np.errstate(all="ignore"):
        try:
            found = _fitted(load, (rate / scale)[None, :])[0]
        except np.linalg.LinAlgError:
            raise NotEnoughData("values out of range") from None
        residual = rate / scale - _law(found[None, :], load)[0]
        jacobian = _jacobian(found[None, :], load)[0]
        if not (np.isfinite(found).all() and np.isfinite(jacobian).all()):
            raise NotEnoughData("values out of range")
        size = np.maximum(np.sqrt((jacobian**2).sum(axis=0)), 1e-300)
        inverse = np.linalg.pinv((jacobian / size).T @ (jacobian / size), rcond=1e-14)
        sigma = math.sqrt(float(residual @ residual) / (n - 3))
        unit = np.array([1.0, 1.0, scale])
        covariance = sigma**2 * inverse / np.outer(size, size) * np.outer(unit, unit)
        errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    return Scalability(
        alpha=float(found[0]),
        beta=float(found[1]),
        gamma=float(found[2]) * scale,
        std_errors=(float(errors[0]), float(errors[1]), float(errors[2])),
        covariance=covariance,
        sigma=sigma * scale,
        freedom=n - 3,
        r_squared=explained(rate, rate - residual * scale),
        most=float(load.max()),
    )


def peak_interval(
    found: Scalability, concurrency: Vec, throughput: Vec, seed: int = 1
) -> tuple[Estimate | None, str]:
    """The peak with a 95 % interval from the bootstrap of residuals, or why there is none.

    Residuals, made as wide as the noise, are drawn anew for the fitted throughput and the law is
    fitted again. The upper end is open where more than a fortieth of the fits has no peak in range.

    Args:
        found: The law fitted to these measurements.
        concurrency: (n,) as for `scalability`.
        throughput: (n,) as for `scalability`.
        seed: Same seed, same interval.

    Source:
        Davison and Hinkley, Bootstrap Methods and their Application (1997), section 7.2.
    """
    if found.peak is None:
        return None, NO_PEAK
    good = np.isfinite(concurrency) & np.isfinite(throughput) & (concurrency > 0) & (throughput > 0)
    load, rate = concurrency[good], throughput[good]
    fitted = found.throughput(load)
    residual = (rate - fitted) * math.sqrt(len(load) / max(found.freedom, 1))
    draws = np.random.default_rng(seed).integers(0, len(load), (_RESAMPLES, len(load)))
    scale = float(rate.max())
    with np.errstate(all="ignore"):
        again = _fitted(load, (fitted + (residual - residual.mean())[draws]) / scale)
        peaks = np.sort(_peaks(again))
    low, high = (float(peaks[round(p * (_RESAMPLES - 1))]) for p in (0.025, 0.975))
    inside = high <= IN_RANGE * found.most
    return Estimate(found.peak, low, high if inside else None), ""


def fit_usl(question: Question, concurrency: Vec, throughput: Vec, *, measured: bool = True) -> Fit:
    """The law as a curve of throughput over concurrency.

    `saturates_at` is the peak, with an interval from the delta method on its logarithm.

    Args:
        question: What to fit; its kind does not matter.
        concurrency: (n,) load, NaN for gaps.
        throughput: (n,) target, NaN for gaps.
        measured: Whether the concurrency was set, as in a load test. One that answers to the load
            bends the curve by its noise: then there is a peak only where throughput was seen to
            fall beyond it.
    """
    with np.errstate(all="ignore"):
        points = usable(question, concurrency, throughput, positive=True)
        if isinstance(points, str):
            return refused(question, points, kind=FitKind.USL)
        points = points.only(points.x > 0)
        try:
            found = scalability(points.x, points.y)
        except NotEnoughData as fault:
            return refused(question, str(fault), len(points.x), FitKind.USL)
    values = (found.alpha, found.beta, found.gamma)
    numbers = (*values, *found.std_errors, found.sigma, found.r_squared)
    if not all(map(math.isfinite, numbers)) or not found.gamma > 0:
        return refused(question, "values out of range", len(points.x), FitKind.USL)
    names = NAMES[FitKind.USL]
    return Fit(
        target=question.target,
        load=question.load,
        kind=FitKind.USL,
        coefficients=tuple(map(Coefficient, names, values, found.std_errors)),
        r_squared=found.r_squared,
        n=len(points.x),
        load_min=float(points.x.min()),
        load_max=found.most,
        residual_std=found.sigma,
        t_quantile=t_95(found.freedom),
        window=question.window,
        per_replica=question.per_replica,
        covariance=tuple(map(tuple, found.covariance.tolist())),
        mean_inflation=0.0,
        saturates_at=_peak_by_delta(found)
        if measured or _falls(found, points.x, points.y)
        else None,
        points=points.thinned(),
        starts_from=question.since,
    )


def _falls(found: Scalability, load: Vec, throughput: Vec) -> bool:
    """Whether points well beyond the peak are many and lie below those about it."""
    peak = found.peak
    if peak is None:
        return False
    about = throughput[(load >= peak / _BEYOND) & (load <= peak * _BEYOND)]
    beyond = throughput[load > peak * _BEYOND]
    if min(len(about), len(beyond)) < _LEAST_BEYOND:
        return False
    spread = math.sqrt(
        float(about.var(ddof=1)) / len(about) + float(beyond.var(ddof=1)) / len(beyond)
    )
    return float(about.mean() - beyond.mean()) > 3 * spread


def _peak_by_delta(found: Scalability) -> Estimate | None:
    peak = found.peak
    if peak is None:
        return None
    gradient = np.array([-0.5 / (1 - found.alpha), -0.5 / found.beta, 0.0])
    half = t_95(found.freedom) * math.sqrt(max(float(gradient @ found.covariance @ gradient), 0.0))
    if half > 20:
        return Estimate(peak)
    high = peak * math.exp(half)
    return Estimate(peak, peak * math.exp(-half), high if high <= IN_RANGE * found.most else None)


# Batches: (b, 3) coefficients at (n,) loads.


def _law(theta: Mat, load: Vec) -> Mat:
    alpha, beta, gamma = (theta[:, i : i + 1] for i in range(3))
    below = 1 + alpha * (load - 1) + beta * load * (load - 1)
    return np.asarray(gamma * load / below, dtype=np.float64)


def _jacobian(theta: Mat, load: Vec) -> Mat:
    """(b, n, 3) derivatives by alpha, beta and gamma."""
    alpha, beta, gamma = (theta[:, i : i + 1] for i in range(3))
    below = 1 + alpha * (load - 1) + beta * load * (load - 1)
    by_below = -gamma * load / below**2
    return np.stack([by_below * (load - 1), by_below * load * (load - 1), load / below], axis=2)


def _peaks(theta: Mat) -> Vec:
    """(b,) concurrency of the greatest throughput, infinite where it never falls."""
    with np.errstate(all="ignore"):
        at = np.sqrt(np.maximum(1 - theta[:, 0], 0.0) / theta[:, 1])
    return np.where(theta[:, 1] > _ROUNDING, at, math.inf)


def _fitted(load: Vec, rates: Mat) -> Mat:
    """(b, 3) best coefficients for (b, n) throughputs, with α and β of 0 or more.

    Levenberg and Marquardt's method for every row at once. A coefficient at its bound that the
    next step would push beyond it takes no part in that step.
    """
    theta = _linear_start(load, rates)
    damping = np.full(len(rates), 1e-3)
    residual = rates - _law(theta, load)
    sse = (residual**2).sum(axis=1)
    for _ in range(_STEPS):
        jacobian = _jacobian(theta, load)
        push = np.einsum("bni,bn->bi", jacobian, residual)
        free = ~((theta <= _LEAST) & (push < 0))
        square = np.einsum("bni,bnj->bij", jacobian, jacobian)
        size = np.maximum(np.sqrt(np.einsum("bii->bi", square)), 1e-300)
        square = square / (size[:, :, None] * size[:, None, :])
        square = square * (free[:, :, None] & free[:, None, :])
        square = square + damping[:, None, None] * np.eye(3) + np.eye(3) * ~free[:, None, :]
        step = np.linalg.solve(square, (push / size * free)[..., None])[..., 0] / size
        tried = np.maximum(theta + step, _LEAST)
        misses = rates - _law(tried, load)
        after = (misses**2).sum(axis=1)
        better = after <= sse
        small = np.abs(tried - theta) <= _CLOSE * np.maximum(np.abs(theta), 1e-9)
        theta = np.where(better[:, None], tried, theta)
        residual = np.where(better[:, None], misses, residual)
        sse = np.where(better, after, sse)
        damping = np.clip(np.where(better, damping / 10, damping * 10), 1e-15, 1e9)
        if small.all():
            break
    return theta


def _linear_start(load: Vec, rates: Mat) -> Mat:
    """Coefficients from N/X = (1 + α·(N - 1) + β·N·(N - 1))/γ, within the bounds."""
    columns = np.column_stack([load - 1, load * (load - 1), np.ones(len(load))])
    size = np.maximum(np.abs(columns).max(axis=0), 1e-300)
    # Weighted by X²/N, a deviation of N/X counts as one of X.
    weight = (rates**2 / load) ** 2
    parts = columns / size
    square = np.einsum("ni,nj,bn->bij", parts, parts, weight)
    right = np.einsum("ni,bn->bi", parts, weight * load / np.maximum(rates, 1e-9))
    found = np.linalg.solve(square + 1e-14 * np.eye(3), right[..., None])[..., 0] / size
    plain = float(np.median(load)) / np.maximum(np.median(rates, axis=1), 1e-9)
    gamma = 1 / np.where(found[:, 2] > 1e-6 * plain, found[:, 2], plain)
    return np.column_stack([np.maximum(found[:, :2] * gamma[:, None], 0.0), gamma])
