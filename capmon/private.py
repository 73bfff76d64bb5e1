"""Files of capmon's own state: this user's alone, and never reached through a link."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from capmon.errors import CapmonError

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_STATE_HOME/capmon`, by default under `~/.local/state`."""
    base = environment.get("XDG_STATE_HOME", "")
    # The XDG specification has relative paths ignored.
    root = Path(base) if base.startswith("/") else Path.home() / ".local" / "state"
    return root / "capmon"


def make_folder(path: Path) -> None:
    """Make a folder of ours, and those above it, or see that it is one.

    Raises:
        CapmonError: It cannot be made, is no folder, or is one that another user can change.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise CapmonError(f"{path}: {error.strerror or error}") from None
    if stat.S_ISLNK(found.st_mode):
        raise CapmonError(f"{path} is a symbolic link, which is not followed")
    if found.st_uid != os.geteuid():
        raise CapmonError(f"{path} belongs to another user ({found.st_uid})")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CapmonError(f"{path} can be written by other users: chmod 700 it")


def make_file(path: Path) -> None:
    """Make an empty file of ours, or see that it is one, without opening what is there.

    Closing a file gives up the POSIX locks that this process holds on it through others.

    Raises:
        CapmonError: It cannot be made, is a link, no regular file, or another user's.
    """
    try:
        os.close(os.open(path, _FLAGS | os.O_EXCL, 0o600))
    except FileExistsError:
        _check(path, path.lstat())
    except OSError as error:
        raise CapmonError(f"{path}: {error.strerror or error}") from None


def open_private(path: Path, *, create: bool = True, append: bool = False) -> int:
    """A descriptor of a regular file of ours; one that is made is readable by its owner alone.

    Args:
        path: The file.
        create: Open it to read and write, and make it where it is not there; else only to read.
        append: Whether every write goes to its end, whoever else writes.

    Raises:
        CapmonError: It cannot be opened, is a link, no regular file, or another user's.
    """
    try:
        flags = _FLAGS if create else _LOOK
        descriptor = os.open(path, flags | (os.O_APPEND if append else 0), 0o600)
    except OSError as error:
        if path.is_symlink():
            raise CapmonError(f"{path} is a symbolic link, which is not followed") from None
        raise CapmonError(f"{path}: {error.strerror or error}") from None
    try:
        found = os.fstat(descriptor)
        _check(path, found)
        if create and stat.S_IMODE(found.st_mode) != 0o600:
            os.fchmod(descriptor, 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check(path: Path, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise CapmonError(f"{path} is a symbolic link, which is not followed")
    if not stat.S_ISREG(found.st_mode):
        raise CapmonError(f"{path} is no regular file")
    if found.st_uid != os.geteuid():
        raise CapmonError(f"{path} belongs to another user ({found.st_uid})")
