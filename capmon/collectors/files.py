"""Small files of the kernel read as text, with the reason when one cannot be read."""

from __future__ import annotations

import errno
import os

from capmon.errors import SourceError

_CHUNK = 65536
_MOST = 8 * 2**20


def read(path: str, *, absent: str = "") -> str:
    """The whole text of a small file; bytes that are not UTF-8 are replaced.

    Args:
        path: The file.
        absent: Reason to give when there is no such file; a general one by default.

    Raises:
        SourceError: It cannot be read; the text is fit to stand beside a metric.
    """
    parts: list[bytes] = []
    size = 0
    try:
        # Plain descriptors: the io module's open() costs as much again as reading the file.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # The kernel may end a read before the end of such a file; only an empty one is the end.
            while (part := os.read(file, _CHUNK)) and size <= _MOST:
                parts.append(part)
                size += len(part)
        finally:
            os.close(file)
    except (OSError, ValueError) as error:
        raise SourceError(_why(error, path, absent)) from error
    return b"".join(parts).decode("utf-8", "replace")


def _why(error: OSError | ValueError, path: str, absent: str) -> str:
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return absent or f"not available: no {path}"
    if isinstance(error, OSError) and error.errno == errno.EOPNOTSUPP:
        return "not available: turned off in this kernel"
    if isinstance(error, OSError) and error.errno is not None:
        return f"{path}: {os.strerror(error.errno).lower()}"
    return f"{path}: cannot be read"


def integer(text: str) -> int:
    """A whole number that a counter of the kernel may hold; -1 and the like included.

    Raises:
        SourceError: It is not one.
    """
    if len(text) <= 21 and text.isascii() and text.removeprefix("-").isdigit():
        return int(text)
    raise SourceError(f"expected a whole number, got {clean(text)[:24]!r}")


def fields(text: str) -> dict[str, str]:
    """First values by name of lines such as `MemTotal: 16 kB` or `nr_periods 0`; others are skipped."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        parts = line.split(None, 2)
        if len(parts) > 1:
            found[parts[0].rstrip(":")] = parts[1]
    return found


def clean(text: str) -> str:
    """Text without control characters and others that do not print."""
    return text if text.isprintable() else "".join(c for c in text if c.isprintable())
