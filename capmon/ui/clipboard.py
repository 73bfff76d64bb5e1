"""Text to the clipboard of whoever looks at this terminal, through whatever lies between."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
from collections.abc import Mapping

from capmon.errors import TargetError

MOST_BYTES = 74_000
"""Bytes of text that terminals take: xterm and others cut or drop a sequence of more than 100,000 characters."""

SCREEN_PIECE = 240
"""Characters that GNU screen passes on in one go at least; its oldest versions take 256."""

DEADLINE = 2.0
"""Seconds that tmux may take."""


def sequences(text: str, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """What to write to the terminal; nothing where the text is more than terminals take.

    OSC 52 as it is for a terminal, and for a tmux that takes it (`set-clipboard on`); wrapped for
    a tmux that passes it on (`allow-passthrough on`) and for GNU screen, which does in pieces.

    Source:
        xterm's ctlseqs, Operating System Commands 52; tmux(1), set-clipboard and
        allow-passthrough; screen(1), Virtual Terminal, device control strings.
    """
    body = text.encode("utf-8", "replace")
    if len(body) > MOST_BYTES:
        return ()
    plain = f"\x1b]52;c;{base64.b64encode(body).decode('ascii')}\x07"
    if environment.get("TMUX"):
        inner = plain.replace("\x1b", "\x1b\x1b")
        return plain, f"\x1bPtmux;{inner}\x1b\\"
    if environment.get("STY"):
        pieces = [plain[i : i + SCREEN_PIECE] for i in range(0, len(plain), SCREEN_PIECE)]
        return ("".join(f"\x1bP{piece}\x1b\\" for piece in pieces),)
    return (plain,)


async def to_tmux(text: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Put the text into tmux's own buffer, and through it into its terminal's clipboard; whether it took it.

    As tmux is set up out of the box it takes no clipboard from what runs in it, and passes none
    on; its own command it obeys.
    """
    program = shutil.which("tmux", path=environment.get("PATH"))
    server = environment.get("TMUX", "").partition(",")[0]
    if not server or program is None:
        return False
    from capmon.actions.run import run

    # Before 3.2 there is no -w, which sends a buffer to the terminal's clipboard.
    for options in (("-w",), ()):
        with contextlib.suppress(TargetError):
            argv = [program, "-S", server, "load-buffer", *options, "-"]
            done = await run(argv, deadline=DEADLINE, stdin=text.encode("utf-8", "replace"))
            if done.code == 0:
                return True
    return False
