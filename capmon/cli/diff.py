"""`capmon diff`: what changed between two snapshots."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

COLOURS = {"worse": "red", "better": "green"}


@click.command("diff")
@click.argument("before", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("after", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="The changes as JSON.")
def diff(before: Path, after: Path, as_json: bool) -> None:
    """Say what changed from one snapshot to another, worst first.

    Metrics count as changed beyond their own noise. The status is 0 whatever changed, and 1 when
    a snapshot cannot be read.
    """
    from capmon.recording.tame import tamed
    from capmon.report.difference import Side, as_document, difference
    from capmon.report.difference_table import difference_table, plain
    from capmon.snapshot_read import read

    sides = []
    for path in (before, after):
        found = read(path)
        frame, left = tamed(found.frame)
        for text in (*found.notes, *left):
            click.echo(f"capmon: {path}: left out: {text}", err=True)
        sides.append(Side(str(path), frame, found.versions, found.origins))
    made = difference(*sides)
    if as_json:
        from capmon.snapshot import encode

        click.echo(encode(as_document(made)), nl=False)
        return
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    click.echo(difference_table(made, _painted if coloured else plain), nl=False)


def _painted(text: str, look: str) -> str:
    """With colour; the glyph and the heading say the same without."""
    if look == "head":
        return click.style(text, bold=True)
    return click.style(text, fg=COLOURS[look]) if look in COLOURS else text
