"""`capmon completion`: what a shell needs to complete commands, options, metrics, records and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

SHELLS = ("bash", "zsh", "fish")

VARIABLE = "_CAPMON_COMPLETE"
"""Through it the shell's script asks; click derives it from the program's name."""


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete capmon's commands.

    \b
    bash  capmon completion bash > ~/.local/share/bash-completion/completions/capmon
    zsh   capmon completion zsh > a file called _capmon in a folder of $fpath
    fish  capmon completion fish > ~/.config/fish/completions/capmon.fish
    """  # noqa: D301 - click wants the backspace itself
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"this version of click knows no {shell}")
    root = ctx.find_root()
    made = kind(root.command, {}, "capmon", VARIABLE)
    click.echo(made.source_template % made.source_vars())


def complete_metric(
    _ctx: click.Context, _option: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Keys of the catalogue that begin so."""
    from click.shell_completion import CompletionItem

    from capmon.model.metric import CATALOGUE

    return [CompletionItem(n, help=m.label) for n, m in CATALOGUE.items() if n.startswith(begun)]


def complete_setting(
    _ctx: click.Context, _option: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Settings that begin so, as KEY=; of one with few possible values, those."""
    from click.shell_completion import CompletionItem

    from capmon.config.schema import Settings
    from capmon.config.shape import leaves

    name, equals, value = begun.partition("=")
    if not equals:
        return [CompletionItem(f"{k}=") for k in leaves(Settings) if k.startswith(begun)]
    return [CompletionItem(f"{name}={v}") for v in _values(name) if v.startswith(value)]


def _values(name: str) -> tuple[str, ...]:
    """Values that a setting can have, where they are words."""
    from capmon.config.schema import Settings
    from capmon.config.shape import alternatives, leaves, literals

    hint = leaves(Settings).get(name)
    if hint is bool:
        return ("true", "false")
    return tuple(word for one in alternatives(hint) for word in literals(one))


def complete_record(
    ctx: click.Context, _option: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Names of the records in the history; none where it cannot be read."""
    from click.shell_completion import CompletionItem

    try:
        names = _records(ctx)
    except Exception:  # a shell that completes has nobody to tell
        return []
    return [CompletionItem(n) for n in names if n.startswith(begun)]


def _records(ctx: click.Context) -> list[str]:
    from capmon.cli.options import load
    from capmon.recording.naming import history_file
    from capmon.store.history_reader import HistoryReader

    options = ctx.params
    path = history_file(load(options.get("config_path"), options.get("settings") or ()).settings)
    if path is None or not path.exists():
        return []
    reader = HistoryReader.open(path)
    try:
        return [record.name for record in reader.records()]
    finally:
        reader.close()
