"""`capmon export`: what capmon knows, for Kubernetes and for Prometheus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from capmon.cli.options import CONFIG, SET, emit, given
from capmon.errors import CapmonError, QuantityError, SourceError

if TYPE_CHECKING:
    from capmon.config.loaded import Loaded
    from capmon.report.metrics_page import MetricsPage

OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; else standard output.",
)


@click.group()
def export() -> None:
    """Write manifests and rules from the configuration and the models."""


@export.command("hpa")
@CONFIG
@SET
@click.option("--samples", type=click.IntRange(1, 3600), default=3, show_default=True, help="Readings to take before writing; models need 20 with a load that varies.")  # fmt: skip
@click.option("--replay", type=click.Path(path_type=Path, dir_okay=False), help="Output of capmon simulate --json, to be quoted.")  # fmt: skip
@OUTPUT
@click.pass_context
def hpa(
    ctx: click.Context,
    config_path: Path | None,
    settings: tuple[str, ...],
    samples: int,
    replay: Path | None,
    output: Path | None,
) -> None:
    """A HorizontalPodAutoscaler with targets from the models, each with its reason."""
    loaded = given(ctx, config_path, settings)
    from capmon.report.replay_file import read_replay

    shown = None if replay is None else _reading(replay)
    try:
        table = None if shown is None else read_replay(shown)
    except CapmonError as fault:
        raise CapmonError(f"{replay}: {fault}") from fault
    from capmon.headless import gather
    from capmon.report.hpa_manifest import hpa_manifest

    emit(hpa_manifest(loaded.settings, gather(loaded, samples=samples), table), output)


@export.command("alerts")
@CONFIG
@SET
@click.option("--source", type=click.Choice(["auto", "node", "capmon"]), default="auto", show_default=True, help="Whose metrics: node takes none of capmon's own, capmon takes nothing else.")  # fmt: skip
@click.option("--host-label", "host_labels", multiple=True, metavar="KEY=VALUE", help='Label of the hosts\' series, "=~" before a pattern, such as instance==~web-.*.')  # fmt: skip
@click.option("--app-label", "app_labels", multiple=True, metavar="KEY=VALUE", help="Label of the application's series, such as job=web.")  # fmt: skip
@click.option("--window", default="2m", show_default=True, help="How far rates look back: four scrapes at least.")  # fmt: skip
@OUTPUT
@click.pass_context
def alerts(
    ctx: click.Context,
    config_path: Path | None,
    settings: tuple[str, ...],
    source: Literal["auto", "node", "capmon"],
    host_labels: tuple[str, ...],
    app_labels: tuple[str, ...],
    window: str,
    output: Path | None,
) -> None:
    """Prometheus rules for the thresholds, burn rates and what is about to run out."""
    loaded = given(ctx, config_path, settings)
    from capmon.model.units import parse_duration
    from capmon.report.alert_rules import alert_rules
    from capmon.report.alert_series import origins

    try:
        seconds = parse_duration(window)
    except QuantityError as fault:
        raise click.UsageError(f"--window: {fault}") from None
    if seconds < 1:
        raise click.UsageError("--window: expected 1s or more")
    found = origins(
        loaded.settings,
        source,
        _page(loaded) if source != "capmon" else None,
        host_labels=_labels("--host-label", host_labels),
        app_labels=_labels("--app-label", app_labels),
        window=seconds,
    )
    emit(alert_rules(found), output)


def _labels(option: str, given_: Sequence[str]) -> dict[str, str]:
    from capmon.report.promql import unspeakable

    found: dict[str, str] = {}
    for text in given_:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.UsageError(f"{option}: expected KEY=VALUE, got {text!r}")
        found[name.strip()] = value
    if problem := unspeakable(found):
        raise click.UsageError(f"{option}: {problem}")
    return found


def _page(loaded: Loaded) -> MetricsPage | None:
    """The application's page; None where there is none to read or it does not answer."""
    app = loaded.settings.app
    if app.source != "openmetrics":
        return None
    import asyncio

    from capmon.clock import SystemClock
    from capmon.report.metrics_page import read_page

    try:
        return asyncio.run(read_page(app, SystemClock()))
    except SourceError as fault:
        click.echo(f"capmon: {fault}: names of metrics are taken on trust", err=True)
        return None


def _reading(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as fault:
        raise CapmonError(f"cannot read {path}: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise CapmonError(f"cannot read {path}: not UTF-8") from fault
