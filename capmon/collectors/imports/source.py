"""A file or standard input as lines of limited length; gzip is unpacked on the way."""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from capmon.errors import CapmonError

STANDARD_INPUT = "-"

MOST_LINE = 1 << 20
"""Bytes of a line, and of one reading of sysstat: no line may take the memory."""

LOOK = 4096
"""Bytes at the beginning that tell what a file is."""

CHUNK = 1 << 18
"""Bytes that are read at once where there are no lines."""


class Source:
    """One file that is read once, from its beginning to its end."""

    def __init__(self, path: str) -> None:
        self.name = "standard input" if path == STANDARD_INPUT else shown_path(path)
        self._file = self._open(path)
        self._stream = self._unpacked()

    @property
    def stem(self) -> str:
        """The name without folders and endings."""
        return Path(self.name).name.partition(".")[0]

    def head(self) -> str:
        """The beginning, as far as it was read; what is no UTF-8 stands as a replacement.

        Raises:
            CapmonError: The file is damaged or cannot be read.
        """
        try:
            return self._stream.peek(LOOK)[:LOOK].decode("utf-8", "replace").removeprefix("\ufeff")
        except (OSError, EOFError, zlib.error) as fault:
            raise self._damaged(fault) from None

    def lines(self) -> Iterator[str]:
        """The lines, their ends included; blank ones too, so that counting them gives their number.

        Raises:
            CapmonError: A line is too long or no UTF-8, or the file is damaged.
        """
        number = 0
        while True:
            number += 1
            try:
                raw = self._stream.readline(MOST_LINE + 1)
            except (OSError, EOFError, zlib.error) as fault:
                raise self._damaged(fault) from None
            if not raw:
                return
            if len(raw) > MOST_LINE:
                raise CapmonError(f"{self.name}:{number}: longer than 1 MiB, which no line of measurements is")  # fmt: skip
            try:
                text = raw.decode("utf-8")
            except UnicodeDecodeError:
                raise CapmonError(f"{self.name}:{number}: not UTF-8 text") from None
            yield text.removeprefix("\ufeff") if number == 1 else text

    def chunks(self) -> Iterator[str]:
        """The text in pieces that end anywhere.

        Raises:
            CapmonError: It is no UTF-8, or the file is damaged.
        """
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        while True:
            try:
                raw = self._stream.read(CHUNK)
                text = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError:
                raise CapmonError(f"{self.name}: not UTF-8 text") from None
            except (OSError, EOFError, zlib.error) as fault:
                raise self._damaged(fault) from None
            if text:
                yield text
            if not raw:
                return

    def close(self) -> None:
        """Let go of the file; standard input stays open."""
        if self._file is not getattr(sys.stdin, "buffer", None):
            self._file.close()

    def _open(self, path: str) -> BinaryIO:
        if path == STANDARD_INPUT:
            if sys.stdin is None:
                raise CapmonError("standard input is closed")
            return sys.stdin.buffer
        try:
            return Path(path).open("rb")
        except OSError as fault:
            raise CapmonError(f"{self.name}: {(fault.strerror or str(fault)).lower()}") from None

    def _unpacked(self) -> io.BufferedReader:
        stream = cast("io.BufferedReader", self._file)
        if not hasattr(stream, "peek"):  # whoever put something else in place of standard input
            stream = io.BufferedReader(cast("io.RawIOBase", self._file))
        try:
            packed = stream.peek(2)[:2] == b"\x1f\x8b"
        except OSError as fault:
            raise self._damaged(fault) from None
        if not packed:
            return stream
        return io.BufferedReader(gzip.GzipFile(fileobj=stream, mode="rb"), CHUNK)

    def _damaged(self, fault: Exception) -> CapmonError:
        if isinstance(fault, OSError) and fault.errno is not None:
            return CapmonError(f"{self.name}: {(fault.strerror or str(fault)).lower()}")
        return CapmonError(f"{self.name}: damaged: {str(fault).lower()}")


def shown_path(path: str) -> str:
    """A path fit for a message."""
    return "".join(c if c.isprintable() else "?" for c in path)
