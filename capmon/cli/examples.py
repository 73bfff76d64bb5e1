"""`capmon guide`: the capacity guide's own examples beside the right values."""

from __future__ import annotations

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Values and reasons as JSON.")
def guide(*, as_json: bool) -> None:
    """The capacity guide's own examples beside the right values.

    Each comes with the reason why the two differ. The right values are computed here and now, by
    the same analysis that the monitor uses.
    """
    from capmon.report.guide_examples import as_document, as_table, examples

    found = examples()
    if as_json:
        import json

        click.echo(json.dumps(as_document(found), indent=2, ensure_ascii=False))
        return
    click.echo(as_table(found, _width()), nl=False)


def _width() -> int:
    """Columns to fill: those of the terminal, or 120 on a pipe."""
    import shutil

    return shutil.get_terminal_size((120, 24)).columns
