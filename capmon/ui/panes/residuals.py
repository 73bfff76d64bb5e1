"""What the curve leaves of each point, over load: a pattern here says that the shape is wrong."""

from __future__ import annotations

import math

from capmon.model.frame import Frame
from capmon.model.metric import Unit, metric
from capmon.model.results import Fit
from capmon.model.units import show
from capmon.ui.panes.curve import ChartPane, each, plain_number, present
from capmon.ui.panes.curves import selected
from capmon.ui.panes.models import limit_for
from capmon.ui.widgets import plot
from capmon.ui.widgets.axes import AXIS, framed
from capmon.ui.widgets.pane import Drawing, View
from capmon.ui.widgets.text import Line, dim

USUAL = 0.98
"""The scale holds this share of the points; the few beyond stand at its edge."""


class ResidualsPane(ChartPane):
    """Residuals of the selected curve."""

    name_of_pane = "residuals"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """Points less the curve, on the same scale of load as the curve above."""
        fit = selected(frame, view)
        return Drawing(
            "points less curve" if fit is None or not fit.relative else "points over curve",
            self._body(frame, fit, width, height),
            fixed=height,
        )

    def _body(self, frame: Frame, fit: Fit | None, width: int, height: int) -> list[Line]:
        left = residuals(fit) if fit is not None else []
        size = (width - AXIS, height - 1)
        if fit is None or not left:
            return [[dim("no curve to compare with" if fit is None or fit.problem else "no points kept")]][:height]  # fmt: skip
        if not plot.ready() or size[0] < 8 or size[1] < 2:
            return []
        now = present(frame, fit)
        reached = each(limit_for(frame, fit), now.replicas)
        x = self.scales.across(fit, now.load, None if reached is None else reached.value)
        y = self.scales.residuals(fit, _usual(left))
        points = tuple((load, min(max(r, y.low), y.high)) for load, r in left)
        unit = Unit.RATIO if fit.relative else metric(fit.target).unit
        # As dots, for a line of cells would lie half a cell beside zero.
        zero = plot.Layer(((x.low, 0.0), (x.high, 0.0)), "faint", joined=True)
        picture = self.cells(fit, lambda: [zero, plot.Layer(points, "accent")], x, y, *size)
        names = (plain_number, lambda value: f"{'+' if value > 0 else ''}{show(value, unit)}")
        return framed(picture, x, y, names)


def residuals(fit: Fit) -> list[tuple[float, float]]:
    """Load and what the curve leaves of the value there, as a share of the curve for a relative fit."""
    if fit.problem:
        return []
    found = [(load, value, fit.predict(load)) for load, value in fit.points]
    known = [(x, y, line) for x, y, line in found if line is not None and math.isfinite(y - line)]
    if fit.relative:
        return [(x, y / line - 1) for x, y, line in known if line > 0]
    return [(x, y - line) for x, y, line in known]


def _usual(left: list[tuple[float, float]]) -> float:
    """The size that nearly all residuals stay within."""
    sizes = sorted(abs(r) for _, r in left)
    return sizes[min(len(sizes) - 1, int(USUAL * len(sizes)))] * 1.05
