"""Quantiles of Student's t distribution without scipy."""

from __future__ import annotations

import math

_TINY = 1e-300
_MAX_TERMS = 500
_MAX_STEPS = 200


def t_quantile(probability: float, df: float) -> float:
    """The value that a t variable with `df` degrees of freedom stays below with `probability`.

    The distribution function is concave above zero, so that Newton's method started at zero
    climbs to the root without ever passing it.

    Args:
        probability: Strictly between 0 and 1.
        df: Degrees of freedom, 1 or more, whole or not.

    Raises:
        ValueError: An argument is out of its range.

    Source:
        Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.5 and 26.7.
    """
    if not 0 < probability < 1 or not df >= 1:
        raise ValueError(f"no t quantile for probability {probability} and {df} degrees of freedom")
    if probability < 0.5:
        return -t_quantile(1 - probability, df)
    if df == 1:
        return math.tan(math.pi * (probability - 0.5))
    if df == 2:
        centred = 2 * probability - 1
        return centred * math.sqrt(2 / (1 - centred * centred))
    log_peak = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    t = 0.0
    for _ in range(_MAX_STEPS):
        density = math.exp(log_peak - (df + 1) / 2 * math.log1p(t * t / df))
        step = (probability - _t_distribution(t, df)) / density
        t += step
        if abs(step) <= 1e-12 * (1 + t):
            break
    return t


def _t_distribution(t: float, df: float) -> float:
    """Probability that a t variable stays below `t`, for `t` of 0 or more."""
    tail = 0.5 * _beta_ratio(df / (df + t * t), df / 2, 0.5)
    return 1 - tail


def _beta_ratio(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function, from the fraction that converges fast at `x`."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    front = math.exp(log_front)
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1 - front * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Lentz's evaluation of the continued fraction of the incomplete beta function."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1 / _away(1 + even * d), _away(1 + even / c)
        value *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1 / _away(1 + odd * d), _away(1 + odd / c)
        value *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return value


def _away(x: float) -> float:
    """`x`, kept from zero."""
    return x if abs(x) > _TINY else _TINY
