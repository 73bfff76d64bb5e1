"""Find the configuration file, read it, and say whether others could have written it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from capmon.config.faults import printable
from capmon.errors import ConfigError

FILE_NAME = "capmon.yaml"
"""Name of the file wherever it is searched for."""

SYSTEM_FILE = Path("/etc/capmon") / FILE_NAME
"""The file for all users of a host."""

LARGEST = 1 << 20
"""Bytes of a file that are read."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read."""

    path: Path
    """Where it is."""

    name: str
    """What messages call it: short when it is in the working directory."""

    text: str
    """What it says."""

    untrusted: str
    """Why its commands must not run; empty when they may."""


def find(path: Path | None, environ: Mapping[str, str], cwd: Path | None) -> Path | None:
    """The file to read: the one given, else `$CAPMON_CONFIG`, else the first that exists.

    Returns:
        None when there is no file and the defaults hold.
    """
    if path is not None:
        return path
    if named := environ.get("CAPMON_CONFIG"):
        return Path(named)
    return next((p for p in search_path(environ, cwd) if _exists(p)), None)


def search_path(environ: Mapping[str, str], cwd: Path | None) -> Iterator[Path]:
    """Where a file is searched for, the first to win first."""
    yield (cwd or Path()) / FILE_NAME
    base, home = environ.get("XDG_CONFIG_HOME", ""), environ.get("HOME", "")
    # The XDG specification has relative paths ignored.
    if base.startswith("/"):
        yield Path(base) / "capmon" / FILE_NAME
    elif home.startswith("/"):
        yield Path(home) / ".config" / "capmon" / FILE_NAME
    yield SYSTEM_FILE


def _exists(path: Path) -> bool:
    """Whether a path leads to anything; a folder that may not be searched counts as empty."""
    try:
        os.lstat(path)
    except (OSError, ValueError):
        return False
    return True


def read(path: Path, cwd: Path | None) -> Source:
    """Read a file.

    Raises:
        ConfigError: It cannot be read, is too large or is not UTF-8; the text says which.
    """
    name = display_name(path, cwd)
    try:
        raw, facts = _read_bytes(path)
    except ValueError:
        raise ConfigError([f"{name}: a path cannot hold a NUL character"]) from None
    except OSError as error:
        raise ConfigError([f"{name}: {_reason(error)}"]) from None
    if len(raw) > LARGEST:
        raise ConfigError([f"{name}: larger than 1 MiB, which no configuration is"])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            [f"{name}:{line}: not UTF-8: the byte 0x{raw[error.start]:02x}"]
        ) from None
    return Source(path, name, text, _untrusted(path, facts))


def display_name(path: Path, cwd: Path | None) -> str:
    """What messages call a file: relative when it is in the working directory."""
    here = cwd if cwd is not None else _working_directory()
    if here is not None and path.is_absolute() and path.is_relative_to(here):
        path = path.relative_to(here)
    text = str(path)
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _working_directory() -> Path | None:
    try:
        return Path.cwd()
    except OSError:
        return None


def _read_bytes(path: Path) -> tuple[bytes, os.stat_result]:
    """The bytes, one more than allowed at most, and facts of the very file they came from."""
    # A FIFO without a writer would block the start for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        facts = os.fstat(descriptor)
        if stat.S_ISDIR(facts.st_mode):
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return stream.read(LARGEST + 1), facts


def _reason(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "no such file"
        case PermissionError():
            return "permission denied"
        case IsADirectoryError():
            return "a directory, not a file"
    return printable((error.strerror or str(error)).lower())


def _untrusted(path: Path, facts: os.stat_result) -> str:
    """Why someone else may have written a file; empty when nobody else can."""
    if reason := _writable_by_others(facts):
        return f"{path.name} {reason}"
    # Behind a link, both folders decide what the path leads to.
    for folder in dict.fromkeys((path.absolute().parent, path.resolve().parent)):
        try:
            around = folder.stat()
        except OSError as error:
            return f"the folder of {path.name} cannot be checked: {_reason(error)}"
        # In a sticky folder, such as /tmp, nobody can replace a file that is not theirs.
        if reason := _writable_by_others(around, sticky_is_safe=True):
            return f"the folder of {path.name} {reason}"
    return ""


def _writable_by_others(facts: os.stat_result, *, sticky_is_safe: bool = False) -> str:
    if facts.st_uid not in {0, os.geteuid()}:
        return f"belongs to another user (uid {facts.st_uid})"
    if sticky_is_safe and facts.st_mode & stat.S_ISVTX:
        return ""
    if facts.st_mode & stat.S_IWOTH:
        return "can be written by every user"
    if facts.st_mode & stat.S_IWGRP:
        return f"can be written by its group (gid {facts.st_gid})"
    return ""
