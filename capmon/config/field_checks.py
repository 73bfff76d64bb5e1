"""Check where each metric of the application is said to come from."""

from __future__ import annotations

from typing import Protocol

from capmon.config.faults import choices, nearest, quoted
from capmon.config.schema import AppSettings, FieldSettings
from capmon.errors import CapmonError, QuantityError
from capmon.model.metric import CATALOGUE, Unit, split
from capmon.model.units import SCALES, scale

LONGEST_PATH = 1000
"""Characters of a JMESPath."""


class Report(Protocol):
    """What is needed to say that something is wrong."""

    def fault(self, key: str, text: str) -> None:
        """Record a fault of a key."""

    def repeat(self, key: str, value: str) -> str:
        """A text as a fault may repeat it."""

    def sound(self, *keys: str) -> bool:
        """Whether nothing is known to be wrong with these keys."""


def check_fields(app: AppSettings, report: Report) -> None:
    """Check every entry of `app.fields` against the catalogue and against the kind of source."""
    for name, field in app.fields.items():
        key = f"app.fields.{name}"
        if not report.sound(key):
            continue
        _check_unit(key, _unit_of(key, name, report), field, report)
        _check_origin(key, app.source, field, report)
        if field.path and report.sound(f"{key}.path"):
            _check_path(f"{key}.path", field.path, report)


def _unit_of(key: str, name: str, report: Report) -> Unit | None:
    """The unit of a metric; None, with a fault, when the catalogue does not hold it."""
    try:
        bare, _ = split(name)
    except CapmonError:
        report.fault(key, f"{quoted(name)} is not the name of a metric")
        return None
    if bare not in CATALOGUE:
        near = nearest(bare, CATALOGUE)
        report.fault(key, f"unknown metric{f'; did you mean {near}?' if near else ''}")
        return None
    return CATALOGUE[bare].unit


def _check_unit(key: str, unit: Unit | None, field: FieldSettings, report: Report) -> None:
    if unit is None or not field.unit:
        return
    try:
        scale(field.unit, unit)
    except QuantityError:
        got, known = report.repeat(f"{key}.unit", field.unit), choices(SCALES[unit])
        report.fault(f"{key}.unit", f"{got} does not measure it; expected {known}")


def _check_origin(key: str, source: str, field: FieldSettings, report: Report) -> None:
    """A JSON source is asked by path, OpenMetrics by name."""
    if field.path and field.metric:
        report.fault(f"{key}.metric", "path and metric exclude each other: path is for JSON, metric for OpenMetrics")  # fmt: skip
        return
    if source == "json":
        for name in ("metric", "labels", "quantile"):
            if getattr(field, name) not in ("", None) and getattr(field, name) != {}:
                report.fault(f"{key}.{name}", "is for source openmetrics; this one is json, which takes from and path")  # fmt: skip
        if not field.path and not field.metric:
            report.fault(key, "needs path: where the value is in the document")
        if "://" in field.from_ or " " in field.from_ or not field.from_.isprintable():
            got = report.repeat(f"{key}.from", field.from_)
            report.fault(f"{key}.from", f"expected an endpoint such as /metrics, got {got}")
    elif source == "openmetrics":
        for name, attribute in (("from", "from_"), ("path", "path")):
            if getattr(field, attribute):
                report.fault(f"{key}.{name}", "is for source json; this one is openmetrics, which takes metric and labels")  # fmt: skip
        if not field.metric and not field.path:
            report.fault(key, "needs metric: the name under which the source reports it")


def _check_path(key: str, path: str, report: Report) -> None:
    import warnings

    import jmespath
    from jmespath.exceptions import IncompleteExpressionError, JMESPathError

    if len(path) > LONGEST_PATH:
        report.fault(key, f"not a JMESPath: longer than {LONGEST_PATH} characters")
        return
    got = report.repeat(key, path)
    try:
        with warnings.catch_warnings():
            # An old way to write a literal warns on stderr, where the screen is.
            warnings.simplefilter("ignore")
            jmespath.compile(path)
    except IncompleteExpressionError:
        report.fault(key, f"not a JMESPath, it ends too early: {got}")
    except JMESPathError as error:
        column = getattr(error, "lex_position", 0) + 1
        sign = path[column - 1 : column]
        advice = "; put a name that holds '-' in double quotes" if sign == "-" else ""
        report.fault(key, f"not a JMESPath from column {column} on: {got}{advice}")
    except RecursionError:
        report.fault(key, "not a JMESPath: nested too deep")
