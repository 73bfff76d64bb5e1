"""What each policy wants now, why, what binds and what it waits for; all of one of them below."""

from __future__ import annotations

from collections.abc import Sequence

from capmon.model.frame import Frame
from capmon.model.policies import TierAdvice, Verdict, Wait
from capmon.model.units import UNKNOWN
from capmon.ui.panes.chosen import MARK, marked, window
from capmon.ui.panes.common import loading
from capmon.ui.panes.scaling_waits import STABILIZATION, countdown, longest
from capmon.ui.widgets.pane import Drawing, Pane, View
from capmon.ui.widgets.text import Line, Run, bold, cut, dim, fit, ink, length, padded, wrapped

VIEW = "scaling"
MODELS = "models"
"""Name of the row of what the models advise, which no policy is."""

FOLLOWED = "◉"
"""Mark of the policy that an autoscaler follows."""

GLYPH, NAME, TO = 2, 12, 6
"""Cells of the mark, the name, and `↑ 12` with the gap behind it."""

HELD = 19
"""Cells of `stabilization 3:20`, the gap before it included."""

SHORT_HELD = 7
"""Cells of the countdown alone."""

LABEL = 7
"""Cells of a label in the detail."""

LEAST_NAMED = 4
"""Rows from which the detail begins with whose it is."""

UNSCALED = "nothing is scaled: with a target in capmon.yaml this view shows its replicas, what each policy would do, and whether each action worked."  # fmt: skip
EXAMPLE = ("scaling:", "  target: {kind: swarm, service: web}")
KINDS = "or kubernetes, systemd, http, or a command of your own; min 2 and max 10 unless set otherwise."  # fmt: skip


class VerdictsPane(Pane):
    """Policies to choose from, and the chosen one in full."""

    name_of_pane = "verdicts"

    def draw(self, frame: Frame, view: View, width: int, height: int) -> Drawing:
        """A head, one line a policy, the models' advice, the tier, and the selected one in full."""
        if is_unscaled(frame, view):
            return Drawing("scaling", unscaled(width)[:height])
        return Drawing("policies", draw(frame, view, width, height), fixed=1)


def is_unscaled(frame: Frame, view: View) -> bool:
    """Whether no target is configured; one that is may not have answered yet."""
    return frame.replicas is None and frame.scaling is None and view.scaling.target.kind == "none"


def unscaled(width: int) -> list[Line]:
    """How a target is configured, while there is none."""
    room = max(8, width)
    return [
        *wrapped(UNSCALED, min(room, 76)),
        [],
        *([(text, "accent")] for text in EXAMPLE),
        [],
        *wrapped(KINDS, min(room, 76), "dim"),
    ]


def listed(frame: Frame) -> tuple[str, ...]:
    """Names of the rows: the policy that is followed, the others, the models."""
    return tuple(v.policy for v in verdicts(frame))


def verdicts(frame: Frame) -> list[Verdict]:
    """Rows in a stable order, the one that is followed first; the models' advice as one of them."""
    found = frame.scaling
    rows = [] if found is None else sorted(found.verdicts, key=lambda v: v.policy != found.policy)
    if frame.advice is not None:
        rows.append(Verdict(MODELS, frame.advice.to, (frame.advice.reason,)))
    return rows


def selected(frame: Frame, view: View) -> Verdict | None:
    """The chosen row, else the first; None where there is none."""
    rows = verdicts(frame)
    wanted = view.selected.get(VIEW, "")
    return next((v for v in rows if v.policy == wanted), rows[0] if rows else None)


def draw(frame: Frame, view: View, width: int, height: int) -> list[Line]:
    """The lines."""
    rows = verdicts(frame)
    chosen = selected(frame, view)
    if chosen is None:
        return [[dim("no policy has spoken yet" if frame.engine_ready else loading(frame))]]
    head = [_head(width)] if height > 3 else []
    tier = _tier_lines(frame, view, width, height - len(head) - len(rows))
    room = max(1, height - len(head) - len(tier))
    at = next(i for i, v in enumerate(rows) if v.policy == chosen.policy)
    shown = window(rows, at, min(room, len(rows)))
    lines = (
        head
        + [marked(row(v, frame, width - MARK), selected=v.policy == chosen.policy) for v in shown]
        + tier
    )
    rest = height - len(lines) - 1
    if rest >= 1:
        said = detail(chosen, frame, width)
        # The mark in the list says whose reasons they are.
        lines += [[], *ended(said if rest >= LEAST_NAMED else said[1:], rest, width)]
    return lines[:height]


def ended(lines: list[Line], height: int, width: int) -> list[Line]:
    """As many lines as there is room for; an ellipsis where more would follow."""
    if len(lines) <= height:
        return lines
    last = fit(lines[height - 1], width - 1)
    return [*lines[: height - 1], [*last, dim("…")]]


def _held_cells(width: int) -> int:
    """Cells of what holds a change: the whole of it where the reason still has its room."""
    room = width - MARK - GLYPH - NAME - TO
    return HELD if room >= HELD + 22 else SHORT_HELD if room >= SHORT_HELD + 12 else 0


def _head(width: int) -> Line:
    held = _held_cells(width)
    why = width - MARK - GLYPH - NAME - TO - held
    text = f"{'':<{MARK + GLYPH}}{'policy':<{NAME}}{'to':<{TO}}{'why':<{max(0, why)}}"
    return [dim(text), dim("held by".rjust(held) if held else "")]


def row(verdict: Verdict, frame: Frame, width: int) -> Line:
    """Mark, name, direction and count, the reasons cut at the least important, what holds it."""
    followed = frame.scaling is not None and verdict.policy == frame.scaling.policy
    mark: Run = (f"{FOLLOWED} ", "accent") if followed else dim("  ")
    line: Line = [mark, padded(verdict.policy, NAME - 1, "ink!" if followed else "ink"), dim(" ")]
    line += _wanted(verdict, frame)
    held = _held_cells(width + MARK)
    room = max(0, width - length(line) - held)
    line.append(padded("; ".join(verdict.reasons), max(0, room - (1 if held else 0)), "dim"))
    return [*line, dim(" "), _held(verdict, held - 0)] if held else line


def _wanted(verdict: Verdict, frame: Frame) -> Line:
    """`↑ 5 `, `= 4 ` or `– `."""
    if verdict.to is None:
        return [dim(f"{UNKNOWN:<{TO}}")]
    now = None if frame.replicas is None else frame.replicas.desired
    count = f"{verdict.to}"
    if now is None:
        return [bold(f"  {count}".ljust(TO))]
    if verdict.to == now:
        return [dim("= "), bold(count.ljust(TO - 2))]
    arrow = "↑" if verdict.to > now else "↓"
    return [bold(f"{arrow} {count}".ljust(TO), "accent")]


def _held(verdict: Verdict, width: int) -> Run:
    """The longest wait, else what binds, at the right end."""
    wait = longest(verdict.waits)
    if wait is None:
        return dim(cut(verdict.binds if width > SHORT_HELD else "", width).rjust(width))
    time = countdown(wait.seconds)
    if width <= SHORT_HELD:
        return dim(time.rjust(width))
    # The time keeps its place whatever is waited for.
    return dim(f"{cut(wait.what, width - 6):>{width - 6}} {time:>5}")


def _tier_lines(frame: Frame, view: View, width: int, room: int) -> list[Line]:
    """The advice on the size of a replica, in one line where tiers are configured."""
    found = None if frame.scaling is None else frame.scaling.vertical
    if found is None or room < 1:
        return []
    return [tier_line(found, view.scaling.currency, width)]


def tier_line(found: TierAdvice, currency: str, width: int) -> Line:
    """`size  tier_2 → tier_3  saves $0.12 an hour  memory 91 % > 85 % for 15 m`."""
    line: Line = [dim(" " * (MARK + GLYPH)), padded("size", NAME - 1), dim(" ")]
    now = found.tier or UNKNOWN
    if found.to is None or found.to == found.tier:
        line.append(dim("= ") if found.to is not None else dim(""))
        line.append(bold(now) if found.to is not None else dim(UNKNOWN))
    else:
        line += [dim(f"{now} → "), bold(found.to, "accent")]
    if found.saving_per_hour:
        does = "saves" if found.saving_per_hour > 0 else "costs"
        line.append(ink(f"  {does} {currency}{abs(found.saving_per_hour):.2f} an hour"))
    room = width - length(line) - 2
    return [*line, dim("  " + cut("; ".join(found.reasons), room))] if room > 0 else line


def detail(verdict: Verdict, frame: Frame, width: int) -> list[Line]:
    """All reasons of one policy, what binds, and each wait with its time."""
    found = frame.scaling
    followed = found is not None and verdict.policy == found.policy
    wants: Line = [bold(verdict.policy)]
    if verdict.to is None:
        wants.append(dim(" cannot tell"))
    else:
        wants += [dim(" wants "), bold(str(verdict.to))]
    if followed:
        wants.append(dim(" · what an autoscaler would follow"))
    lines: list[Line] = [wants]
    lines += _block("why", verdict.reasons or ("it says nothing",), width)
    if verdict.binds:
        lines += _block("binds", (verdict.binds,), width)
    for i, wait in enumerate(sorted(verdict.waits, key=lambda w: -w.seconds)):
        name = "waits" if not i else ""
        lines.append([dim(f"{name:<{LABEL}}"), *_wait(wait, moves=_moves(verdict, frame))])
    return lines


def _moves(verdict: Verdict, frame: Frame) -> int:
    """1 where it wants more replicas than there are, -1 where fewer, 0 where as many or unknown."""
    now = None if frame.replicas is None else frame.replicas.desired
    if now is None or verdict.to is None:
        return 0
    return (verdict.to > now) - (verdict.to < now)


def _wait(wait: Wait, moves: int) -> Line:
    what = "adding" if wait.up else "taking away"
    if wait.what == STABILIZATION and moves == (1 if wait.up else -1):
        # It holds back a part of the way: the count that is wanted may come at once.
        what += " more"
    return [ink(wait.what), dim(" "), bold(countdown(wait.seconds)), dim(f" before {what}")]


def _block(name: str, texts: Sequence[str], width: int) -> list[Line]:
    """Prose behind a label, each text from a line of its own."""
    out: list[Line] = []
    for text in texts:
        for line in wrapped(text, max(8, width - LABEL)):
            out.append([dim(f"{name if not out else '':<{LABEL}}"), *line])
    return out
