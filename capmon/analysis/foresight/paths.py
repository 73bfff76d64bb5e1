"""Possible futures: the forecast with the whole errors of past forecasts laid on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from capmon.analysis.windows import Mat

_MIRRORED = 80.0
_FEW = 8


def continued(residuals: Mat) -> Mat:
    """Residuals whose unknown ends follow those of an older origin that stood alike at that step.

    Args:
        residuals: (R, H) oldest origin first; a row is known up to a step that never grows from
            row to row, and NaN from there on.

    Returns:
        (R, H). Steps that no row knows are held, and grow as a random walk does.
    """
    found = residuals.copy()
    horizon = found.shape[1]
    reach = np.isfinite(found).sum(axis=1)
    if not len(reach) or not reach[0]:
        return np.zeros((0, horizon))
    most = int(reach[0])
    ahead = np.arange(most + 1, horizon + 1)
    for i, known in enumerate(reach.tolist()):
        if known == most:
            found[i, most:] = found[i, most - 1] * np.sqrt(ahead / most)
            continue
        older = int(np.count_nonzero(reach > known))
        donor = int(np.argmin(np.abs(found[:older, known - 1] - found[i, known - 1])))
        found[i, known:] = found[donor, known:]
    return found


def laid_on(centre: Mat, swing: Mat, residuals: Mat, history: int) -> Mat:
    """(S, H) futures in equal parts: every row of residuals, and some of them mirrored.

    A short history shows how far a forecast misses but hardly to which side: the shorter it is,
    the more rows serve mirrored too.

    Args:
        centre: (H,) forecast.
        swing: (H,) what one unit of residual is worth at each step.
        residuals: (R, H).
        history: Values that the history has.
    """
    mirrored = round(min(1.0, _MIRRORED / history) * len(residuals))
    rows = np.linspace(0, len(residuals) - 1, mirrored).astype(np.intp)
    return np.asarray(centre + np.vstack([residuals, -residuals[rows]]) * swing)


def sustained(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Means of `width` values in a row along the last axis, which becomes shorter by width - 1."""
    if width > _FEW:
        total = np.cumsum(values, axis=-1)
        means = total[..., width - 1 :].copy()
        means[..., 1:] -= total[..., :-width]
        return means / width
    size = values.shape[-1] - width + 1
    means = values[..., :size].copy()
    for i in range(1, width):
        means += values[..., i : i + size]
    return means / width
