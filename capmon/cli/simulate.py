"""`capmon simulate`: every policy on recorded load, before any of them acts."""

from __future__ import annotations

import contextlib
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capmon.cli.options import CONFIG, SET, given
from capmon.errors import CapmonError

if TYPE_CHECKING:
    from capmon.collectors.series_file import RecordedSeries
    from capmon.config.schema import Settings

MINUTE = 60.0

NEEDED = 40
"""Replicas that the 99.95th percentile of the replayed load takes where no capacity is given."""

QUANTILE = 0.9995

POLICIES = ("static_peak", "step", "guide_hpa", "hpa", "predictive", "look_ahead")


class _Quantity(click.ParamType):  # type: ignore[type-arg]
    """A share or a duration as the configuration writes it."""

    def __init__(self, name: str, parse: str) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """The number behind a text."""
        from capmon.model import units

        if isinstance(value, float):
            return value
        try:
            return float(getattr(units, self._parse)(value))
        except (ValueError, CapmonError) as fault:
            self.fail(str(fault), param, ctx)


SHARE = _Quantity("share", "parse_ratio")
SPAN = _Quantity("duration", "parse_duration")


TRAIN = 7 * 86400.0
"""Seconds of load that are history, where there is enough."""


@click.command()
@click.option("--load", "path", type=click.Path(path_type=Path, dir_okay=False), help="File with the load: CSV of timestamp,value, or values under a header with step_s=; .gz too.")  # fmt: skip
@click.option("--history", type=SPAN, help="Load that capmon recorded, so far back.")
@click.option("--policy", "policies", multiple=True, type=click.Choice(POLICIES), help="Policy to replay; may be repeated; else all.")  # fmt: skip
@click.option("--capacity", type=click.FloatRange(min=0, min_open=True), help="What one replica carries, in the unit of the load, such as requests per second; else the load's 99.95th percentile takes 40.")  # fmt: skip
@click.option("--target", type=SHARE, help="Utilization aimed at  [default: scaling.hpa.cpu, 70%]")
@click.option("--min", "least", type=click.IntRange(1, 100_000), default=2, show_default=True, help="Least replicas.")  # fmt: skip
@click.option("--max", "most", type=click.IntRange(1, 100_000), default=60, show_default=True, help="Most replicas.")  # fmt: skip
@click.option("--startup", type=SPAN, help="How long a replica takes until it serves  [default: scaling.startup, 3m]")  # fmt: skip
@click.option("--train", type=SPAN, help="Beginning of the load that is history; the rest is replayed.  [default: 7d, or a third of a shorter load]")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One object a policy, as JSON.")
@SET
@CONFIG
@click.pass_context
def simulate(ctx: click.Context, /, **options: Any) -> None:
    """Replay each scaling policy on recorded load.

    The load runs through a service with a start-up delay and a capacity per replica. Overload is
    the share of time in which the load was over what the serving replicas carry; p95 over, the
    minutes in which the 95th percentile was over its objective; × ideal, the replica-hours over
    those of a policy that knows what comes; actions, how often the count changed; turns, how often
    it changed its direction. The predictive policy chooses its forecast anew every day, from the
    past alone.
    """
    loaded = given(ctx, options["config_path"], options["settings"])
    if options["least"] > options["most"]:
        raise click.UsageError(f"--min {options['least']} is more than --max {options['most']}")
    target = options["target"]
    if target is None:
        target = loaded.settings.scaling.hpa.cpu or 0.7
    if not 0 < target <= 1:
        raise click.UsageError("--target must be more than 0% and at most 100%")
    capacity = options["capacity"]
    if capacity is not None and not math.isfinite(capacity):
        raise click.BadParameter("expected a number above 0", param_hint="--capacity")
    if options["path"] is not None and options["history"] is not None:
        raise click.UsageError("--load and --history exclude each other: which load?")
    if options["path"] is not None:
        from capmon.collectors.series_file import read_series

        series = read_series(options["path"])
    elif options["history"] is not None:
        series = _recorded(loaded.settings, options["history"])
    else:
        raise click.UsageError("which load? give --load FILE or --history 14d")
    table = _replayed(series, loaded.settings, target, options)
    if options["as_json"]:
        import json

        from capmon.report.replay_table import as_document

        click.echo(json.dumps(as_document(table), indent=2))
        for note in table.notes:
            click.echo(note, err=True)
        return
    from capmon.report.replay_table import as_text

    click.echo(as_text(table, currency=loaded.settings.scaling.currency), nl=False)


def _recorded(settings: Settings, seconds: float) -> RecordedSeries:
    """The load that capmon recorded, by the minute, so far back from its last reading."""
    from capmon.collectors.series_file import RecordedSeries
    from capmon.model.names import RATE
    from capmon.recording.opening import open_record

    with contextlib.closing(open_record(settings)) as reader:
        known = reader.span(RATE)
        if known is None:
            raise CapmonError(f"{reader.name}: no request rate was recorded: give --load FILE")
        step = max(MINUTE, reader.interval(RATE) or MINUTE)
        seconds = min(seconds, known[1] - known[0] + step)
        values = reader.window([RATE], known[1] + step, seconds, step)[0]
    start = math.floor((known[1] + step) / step) * step - step * len(values)
    return RecordedSeries(reader.name, step, tuple(values.tolist()), start)


def _replayed(series: Any, settings: Any, target: float, options: dict[str, Any]) -> Any:
    import numpy as np

    from capmon.model.units import span
    from capmon.scaling.simulate.run import POLICIES as ALL
    from capmon.scaling.simulate.run import Recorded, simulate
    from capmon.scaling.simulate.service import Service, queue_curve

    step, load = series.step, np.array(series.values)
    asked = options["train"]
    asked = min(TRAIN, len(load) * step / 3) if asked is None else asked
    train = math.ceil(asked / step - 1e-9)
    if len(load) - train < 2:
        have, kept = span(len(load) * step), span(asked)
        raise CapmonError(f"{series.name}: {have} of load leave nothing to replay after {kept} of history (--train)")  # fmt: skip
    replayed = load[train:]
    if np.all(np.isnan(replayed)) or not np.nanmax(replayed) > 0:
        raise CapmonError(f"{series.name}: the load to replay is never above 0")
    if np.nanmin(load) < 0:
        raise CapmonError(f"{series.name}: a load is never below 0")
    capacity = options["capacity"] or float(np.nanquantile(replayed, QUANTILE)) / NEEDED
    if not capacity > 0:
        raise CapmonError("the load is so seldom above 0 that no capacity follows from it: give --capacity")  # fmt: skip
    startup = options["startup"]
    objective = settings.objectives.latency_p95
    reached = (1.0 + target) / 2.0
    service = Service(
        capacity=capacity,
        startup=settings.scaling.startup if startup is None else startup,
        least=options["least"],
        most=options["most"],
        target=target,
        step=step,
        latency=queue_curve(objective, reached),
        objective=objective,
    )
    if sys.stderr.isatty():
        click.echo(f"replaying {span((len(load) - train) * step)} of load …", err=True)
    table = simulate(Recorded(load, train), service, settings.scaling, options["policies"] or ALL)
    from dataclasses import replace

    assumed = f"p95 is that of a queue that reaches {objective * 1e3:g} ms at {reached:.0%} utilization (assumed)"  # fmt: skip
    taken = () if options["capacity"] else (f"capacity: the {QUANTILE:.2%} quantile of the load takes {NEEDED} replicas (assumed)",)  # fmt: skip
    return replace(table, notes=(*taken, assumed, *table.notes))
