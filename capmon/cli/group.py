"""How a command ends: our own errors without a traceback, and a status that says what went wrong."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

import click

from capmon import plain
from capmon.cli.options import FAILED, USAGE
from capmon.errors import CapmonError, ConfigError


class Group(click.Group):
    """Shows our own errors without a traceback."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run as a program, on whatever standard output can hold."""
        plain.tolerate()
        if sys.stdout is None:
            click.echo("capmon: standard output is closed", err=True)
            sys.exit(FAILED)
        return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; the exit status says what went wrong."""
        try:
            return super().invoke(ctx)
        except ConfigError as fault:
            for line in fault.faults:
                click.echo(line, err=True)
            ctx.exit(USAGE)
        except CapmonError as fault:
            click.echo(f"capmon: {fault}", err=True)
            ctx.exit(FAILED)
        except OSError as fault:
            # A reader that has enough, such as head, is no fault: click ends quietly.
            if fault.errno == errno.EPIPE:
                raise
            click.echo(f"capmon: {fault.filename or 'standard output'}: {fault.strerror}", err=True)
            _drop_output()
            ctx.exit(FAILED)


def _drop_output() -> None:
    """Forget what could not be written, or the interpreter tries again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
