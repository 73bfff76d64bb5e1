"""Standard input of a program that is run."""

from __future__ import annotations

import hashlib
import sys

from capmon.actions.run import run

PY = (sys.executable, "-IS", "-c")


async def test_input_arrives_whole() -> None:
    """More than a pipe holds, with every byte, and then the end."""
    sent = bytes(range(256)) * 4096
    code = "import sys, hashlib; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    done = await run([*PY, code], deadline=20, stdin=sent)
    assert done.stdout.strip() == hashlib.sha256(sent).hexdigest()


async def test_input_may_be_left_unread() -> None:
    """A program that does not read its input comes to its end all the same."""
    done = await run([*PY, "print('done')"], deadline=20, stdin=b"x" * 1_000_000)
    assert (done.code, done.stdout) == (0, "done\n")
