"""What the analysis found, minute by minute: a document told apart from the one before it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import zstandard

from capmon.store.history_codec import Damaged

EVERY = 24
"""Documents that are told apart, each from the one before it, until one is whole again."""

_DIGITS = 7
"""Significant digits of a number below a hundred million; above it, three places."""

_LARGE = 1e8
_LEVEL = 19
_MOST = 2**25
"""No document is longer than this many bytes."""


def text_of(document: Mapping[str, Any]) -> bytes:
    """The JSON of a document, its floats rounded to seven digits."""
    return json.dumps(_short(document), separators=(",", ":"), ensure_ascii=False).encode()


def encode(text: bytes, base: bytes | None) -> bytes:
    """A document, whole or told apart from another: Zstandard (RFC 8878) with the other as dictionary."""
    packer = zstandard.ZstdCompressor(
        level=_LEVEL, dict_data=_dictionary(base), write_checksum=True
    )
    return packer.compress(text)


def decode(blob: bytes, base: bytes | None) -> bytes:
    """What `encode` was given.

    Raises:
        Damaged: The bytes are not what was written.
    """
    try:
        length = zstandard.frame_content_size(blob)
        if not 0 < length <= _MOST:
            raise Damaged(f"a document of {length} bytes")
        return zstandard.ZstdDecompressor(dict_data=_dictionary(base)).decompress(blob)
    except (zstandard.ZstdError, TypeError) as error:
        raise Damaged(str(error)) from None


def document_of(text: bytes) -> dict[str, Any]:
    """The document itself.

    Raises:
        Damaged: The text is no JSON of a document.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Damaged(str(error)) from None
    if not isinstance(document, dict):
        raise Damaged("no document")
    return document


def _dictionary(base: bytes | None) -> zstandard.ZstdCompressionDict | None:
    if base is None:
        return None
    return zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def _short(value: Any) -> Any:
    if isinstance(value, float):
        if abs(value) >= _LARGE:
            return round(value, 3)
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, Mapping):
        return {str(k): _short(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_short(v) for v in value]
    return value
