"""Values at equal steps under a header that says the step: `# name=x step_s=60 start=…`."""

from __future__ import annotations

import math
import re
from datetime import tzinfo

from capmon.collectors.imports.faults import cut
from capmon.collectors.imports.intake import Intake, Place
from capmon.collectors.imports.moments import Moments
from capmon.collectors.imports.source import Source
from capmon.errors import CapmonError
from capmon.model.units import span

MARK = "step_s="

_SAID = re.compile(r"(\w+)=(.*?)(?=\s+\w+=|\s*$)")


class Stepped:
    """One file of values."""

    def __init__(self, source: Source, intake: Intake, time: str, zone: tzinfo | None) -> None:  # noqa: ARG002  as the other formats
        self._source, self._intake, self._zone = source, intake, zone
        self.note = ""
        """What was found out."""

    def read(self) -> None:
        """Read all values.

        Raises:
            CapmonError: The header cannot be used, or what the values are is not known.
        """
        file = self._source.name
        lines = self._source.lines()
        said = dict(_SAID.findall(next(lines).strip().removeprefix("#")))
        step = _step(file, said.get("step_s", ""))
        moments = Moments(self._zone)
        start = self._start(said.get("start", "None"), moments)
        name = said.get("name", "value")
        try:
            column = self._intake.column(name, alone=True)
        except CapmonError as fault:
            raise CapmonError(f"{file}:1: {fault}") from None
        if column is None:
            raise CapmonError(f"{file}: what is {cut(name)}? --metric KEY says it, and --unit its unit")  # fmt: skip
        index = 0
        for number, line in enumerate(lines, 2):
            text = line.strip()
            if text.startswith("#") or text == "value":
                continue
            where = Place(file, number)
            at = start + index * step
            index += 1
            if self._intake.moment(where, at):
                self._intake.take(column, where, at, text)
        told = moments.note or "none, counted from the shift"
        self.note = f"values every {span(step)}; times: {told}"

    def _start(self, text: str, moments: Moments) -> float:
        file = self._source.name
        if text == "None":
            if math.isfinite(self._intake.latest):
                raise CapmonError(f"{file}:1: the file does not say when it starts: --ends now puts its end at now")  # fmt: skip
            return 0.0
        try:
            return moments.read(text)
        except ValueError as fault:
            raise CapmonError(f"{file}:1: {fault}") from None


def _step(file: str, text: str) -> float:
    try:
        step = float(text)
    except ValueError:
        step = math.nan
    if not (math.isfinite(step) and step > 0):
        raise CapmonError(f"{file}:1: step_s={text} is no number of seconds")
    return step
