"""`capmon plan`: the capacity plan out of what was recorded, as Markdown or as JSON."""

from __future__ import annotations

import contextlib
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capmon.cli.options import CONFIG, SET, emit, given
from capmon.errors import CapmonError, QuantityError

if TYPE_CHECKING:
    from capmon.config.schema import Settings
    from capmon.model.plan import Plan, PlanQuestion

DAY = 86400.0

PERIODS = {
    "day": DAY, "d": DAY, "week": 7 * DAY, "w": 7 * DAY, "month": 2629800.0, "mo": 2629800.0,
    "quarter": 7889400.0, "year": 31557600.0, "y": 31557600.0,
}  # fmt: skip
"""Seconds of the periods that a growth rate may be told for; a month is a twelfth of 365.25 days."""

LONGEST = 20 * 365 * DAY
"""Horizon beyond which nothing is planned."""

_RATE = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*%\s*/\s*([a-z]+)", re.IGNORECASE)
_OBJECTIVE = re.compile(r"(?:p95\s*=\s*)?(.+)", re.IGNORECASE)


@click.command()
@click.option("--growth", type=float, metavar="FACTOR", help="Load at the horizon over the load of today, such as 2; else the record's own growth.")  # fmt: skip
@click.option("--growth-rate", "rate", metavar="RATE", help="Growth of the load, such as 5%/month or 60%/year.")  # fmt: skip
@click.option("--horizon", default="90d", show_default=True, metavar="SPAN", help="How far ahead.")
@click.option("--objective", metavar="p95=TIME", help="Response time to hold, such as p95=250ms; else objectives.latency_p95.")  # fmt: skip
@click.option("--probability", default="95%", show_default=True, metavar="SHARE", help="Probability with which the objective shall hold.")  # fmt: skip
@click.option("--name", default=None, help="Record to plan for, of those that the file holds.")
@click.option("--file", "file", type=click.Path(path_type=Path, dir_okay=False), help="History file; else that of the configuration.")  # fmt: skip
@click.option("--at", "moment", default="", metavar="WHEN", help="Plan from this moment of the record, in UTC: -7d, 2026-03-01 14:05; else from its end.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write: .md or .json; else standard output.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="JSON in place of Markdown.")
@click.option("--example", is_flag=True, help="The capacity guide's example data and its growth of 3, the guide's figures beside ours.")  # fmt: skip
@SET
@CONFIG
@click.pass_context
def plan(ctx: click.Context, /, **options: Any) -> None:
    """Write the capacity plan: what is, what comes, what to do about it and when.

    Ten chapters from what was recorded: baseline and limits, models, growth, scaling strategy,
    bottlenecks, infrastructure, database, cost, alerting, and dated steps. Every number stands with
    its interval and with what it rests on; what is not known is said with what it would take.
    """
    as_json = _wants_json(options["output"], as_json=options["as_json"])
    question = _question(options)
    objective = _objective(options["objective"])
    if options["example"]:
        _alone(options)
        from capmon.report.plan_example import example_plan

        _write(example_plan(), options["output"], as_json=as_json)
        return
    loaded = given(ctx, options["config_path"], options["settings"])
    settings = loaded.settings
    if objective is not None:
        settings = replace(settings, objectives=replace(settings.objectives, latency_p95=objective))
    _check_moment(options["moment"])
    made = _planned(settings, question, options)
    _write(made, options["output"], as_json=as_json)


def _planned(settings: Settings, question: PlanQuestion, options: dict[str, Any]) -> Plan:
    from capmon.clock import AUTO_ZONE, SystemClock, local_zone
    from capmon.planning.evidence import gather
    from capmon.planning.plan import plan as written
    from capmon.recording.moment import parse_moment
    from capmon.recording.opening import open_record

    reader = open_record(settings, file=options["file"], name=options["name"])
    with contextlib.closing(reader):
        span = reader.span()
        if span is None:
            raise CapmonError(
                f"{reader.name}: nothing was recorded yet: `capmon record` records, `capmon import` brings what was"
            )
        now = SystemClock().now()
        if options["moment"]:
            now = parse_moment(options["moment"], span[1])
            if now <= span[0]:
                raise CapmonError(f"{reader.name}: nothing was recorded before {options['moment']}")
        zone = settings.time_zone if settings.time_zone != AUTO_ZONE else local_zone()
        made = written(gather(reader, settings, question, now, zone))
        for notice in reader.notices:
            click.echo(f"capmon: {notice}", err=True)
    return made


def _write(made: Plan, output: Path | None, *, as_json: bool) -> None:
    if as_json:
        from capmon.report.plan_json import as_json as text_of
    else:
        from capmon.report.plan_markdown import as_markdown as text_of
    emit(text_of(made), output)


def _wants_json(output: Path | None, *, as_json: bool) -> bool:
    """Whether JSON is written: the file's name says so, or the option."""
    if output is None:
        return as_json
    suffix = output.suffix.lower()
    if suffix not in (".md", ".json"):
        raise click.BadParameter(
            f"{output} is neither .md nor .json", param_hint="'-o' / '--output'"
        )
    if as_json and suffix == ".md":
        raise click.UsageError(f"--json and {output} exclude each other: which of the two?")
    return suffix == ".json"


def _question(options: dict[str, Any]) -> PlanQuestion:
    from capmon.model.plan import PlanQuestion

    growth, rate = options["growth"], options["rate"]
    if growth is not None and rate is not None:
        raise click.UsageError("--growth and --growth-rate exclude each other: which growth?")
    if growth is not None and not (math.isfinite(growth) and growth > 0):
        raise click.BadParameter("expected a factor above 0, such as 2", param_hint="--growth")
    return PlanQuestion(
        horizon=_horizon(options["horizon"]),
        growth=growth,
        growth_rate=None if rate is None else growth_rate(rate),
        probability=_probability(options["probability"]),
    )


def growth_rate(text: str) -> tuple[float, float]:
    """Relative growth and the seconds in which it happens, of `5%/month`.

    Raises:
        BadParameter: It is none; the text says what would be one.
    """
    found = _RATE.fullmatch(text.strip())
    hint = "--growth-rate"
    if found is None:
        raise click.BadParameter(f"expected a rate such as 5%/month, got {text!r}", param_hint=hint)
    name = found[2].lower()
    seconds = PERIODS.get(name) or PERIODS.get(name.removesuffix("s"))
    if seconds is None:
        raise click.BadParameter(
            f"{found[2]!r} is no period: use day, week, month, quarter or year", param_hint=hint
        )
    rate = float(found[1]) / 100
    if not -1 < rate <= 100:
        raise click.BadParameter(
            f"expected more than -100% and at most 10000%, got {text!r}", param_hint=hint
        )
    return rate, seconds


def _horizon(text: str) -> float:
    from capmon.model.units import parse_duration

    try:
        seconds = parse_duration(text)
    except QuantityError as fault:
        raise click.BadParameter(str(fault), param_hint="--horizon") from None
    if not DAY <= seconds <= LONGEST:
        raise click.BadParameter(
            f"expected from 1d to {LONGEST / DAY:.0f}d, got {text!r}", param_hint="--horizon"
        )
    return seconds


def _probability(text: str) -> float:
    from capmon.model.units import parse_ratio

    try:
        share = parse_ratio(text)
    except QuantityError as fault:
        raise click.BadParameter(str(fault), param_hint="--probability") from None
    if not 0.5 <= share < 1:
        raise click.BadParameter(
            f"expected at least 50% and less than 100%, got {text!r}", param_hint="--probability"
        )
    return share


def _objective(text: str | None) -> Any:
    if text is None:
        return None
    from capmon.config.quantities import Duration
    from capmon.model.units import parse_duration

    match = _OBJECTIVE.fullmatch(text.strip())
    try:
        seconds = parse_duration(match[1] if match else text)
    except QuantityError as fault:
        raise click.BadParameter(f"{fault}: p95=250ms", param_hint="--objective") from None
    if seconds <= 0:
        raise click.BadParameter(
            "expected more than 0, such as p95=250ms", param_hint="--objective"
        )
    return Duration(seconds)


def _check_moment(text: str) -> None:
    if not text:
        return
    from capmon.recording.moment import parse_moment

    try:
        parse_moment(text, 1e9)
    except QuantityError as fault:
        raise click.BadParameter(str(fault), param_hint="--at") from None


def _alone(options: dict[str, Any]) -> None:
    """The example has its own record and its own question."""
    given_ = [f"--{k}" for k in ("growth", "name", "file") if options[k] is not None]
    given_ += ["--growth-rate"] if options["rate"] is not None else []
    given_ += ["--at"] if options["moment"] else []
    if given_:
        raise click.UsageError(
            f"--example has its own data and growth; {given_[0]} does not go with it"
        )
