"""Quantiles of Student's t."""

from __future__ import annotations

import pytest
from scipy import stats

from capmon.analysis.student import t_quantile


@pytest.mark.parametrize("df", [1, 1.3, 2, 2.5, 3, 30, 1000, 1e6])
@pytest.mark.parametrize("probability", [0.025, 0.3, 0.5, 0.9, 0.975, 0.999])
def test_agrees_with_scipy(probability: float, df: float) -> None:
    """Quantiles agree with scipy's to 1e-6."""
    expected = stats.t.ppf(probability, df)
    assert t_quantile(probability, df) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("probability", "df"), [(0, 3), (1, 3), (0.5, 0.5), (0.9, float("nan"))])
def test_refuses_what_has_no_quantile(probability: float, df: float) -> None:
    """Arguments outside the distribution's range are refused."""
    with pytest.raises(ValueError, match="no t quantile"):
        t_quantile(probability, df)
