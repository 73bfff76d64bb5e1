"""The name by which people know a process: the script or jar instead of its interpreter."""

from __future__ import annotations

import re
from collections.abc import Sequence

from capmon.collectors.files import clean

_INTERPRETER = re.compile(r"(python|pypy|java|node|ruby|perl|php)[\d.]*(?:js)?$")

_COMM = 15
"""Bytes of a name that the kernel keeps."""

# Options whose value is the next argument, so that it is not taken for the script.
_TAKE_ONE = {
    "python": {"-W", "-X", "--check-hash-based-pycs"},
    "java": {"-cp", "-classpath", "--class-path", "-p", "--module-path", "--add-modules", "--add-opens", "--add-exports", "--add-reads", "--upgrade-module-path", "--source"},
    "node": {"-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file", "--title"},
    "ruby": {"-I", "-r", "-C", "-E"},
    "perl": {"-I"},
    "php": {"-c", "-d"},
}  # fmt: skip

# Options that bring the program along instead of naming a file: there is no script to show.
_INLINE = {"-c", "-e", "-E", "-r", "--eval", "-p", "--print", "-"}


def interpreter(comm: str) -> str:
    """Which interpreter a kernel's name for a process means; empty when it is none."""
    match = _INTERPRETER.match(comm)
    return match[1].replace("pypy", "python") if match else ""


def useful(comm: str, argv: Sequence[str]) -> str:
    """A short name for a screen.

    Args:
        comm: The kernel's name, at most 15 bytes.
        argv: The command line; only the program and its script are looked at, since what
            follows may hold secrets.

    Returns:
        For an interpreter the base name of its script, module, jar or main class; else the
        kernel's name, in full length where the command line gives it.
    """
    kind = interpreter(comm)
    if kind and (script := _script(kind, argv[1:])):
        return clean(script) or clean(comm)
    if argv and len(comm.encode()) >= _COMM:
        full = _base(argv[0])
        if full.startswith(comm) and " " not in full:
            return clean(full)
    return clean(comm)


def _script(kind: str, options: Sequence[str]) -> str:
    takes = _TAKE_ONE[kind]
    rest = iter(options)
    for option in rest:
        if option in takes:
            next(rest, None)
        elif (kind, option) in (("python", "-m"), ("java", "-jar"), ("java", "-m"), ("java", "--module"), ("php", "-f")):  # fmt: skip
            return _base(next(rest, ""))
        elif option in _INLINE and kind != "java":
            return ""
        elif not option.startswith("-"):
            # A main class is known by the last part of its name: org.example.Server.
            return option.rpartition(".")[2] if kind == "java" else _base(option)
    return ""


def _base(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]
