"""What the analysis found, minute by minute: a document told apart from one a little before it."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from capmon.store.history_codec import Damaged, seal, unseal

EVERY = 12
"""Documents that are told apart, each from the one before it, until one is whole again."""

_DIGITS = 7
"""Significant digits of a number below a hundred million; above it, three places."""

_LARGE = 1e8
_MARK = struct.Struct("<BI")
_SAME, _CHANGED, _GONE = range(3)
_WINDOW = 32768
_RAW = -15

Texts = dict[str, str]
"""JSON of each field."""


def texts_of(document: Mapping[str, Any]) -> Texts:
    """The JSON of each field, its floats rounded to seven digits."""
    return {
        name: json.dumps(_short(value), separators=(",", ":"), ensure_ascii=False)
        for name, value in document.items()
    }


def encode(texts: Texts, base: Texts | None) -> bytes | None:
    """A document, whole or told apart from another; None where it has a field that the other lacks."""
    if base is None:
        return seal(zlib.compress(json.dumps(texts, ensure_ascii=False).encode(), 9))
    if not texts.keys() <= base.keys():
        return None
    parts = []
    for name, was in base.items():
        text = texts.get(name)
        if text is None:
            parts.append(_MARK.pack(_GONE, 0))
        elif text == was:
            parts.append(_MARK.pack(_SAME, 0))
        else:
            packer = zlib.compressobj(9, zlib.DEFLATED, _RAW, 9, zdict=was.encode()[-_WINDOW:])
            packed = packer.compress(text.encode()) + packer.flush()
            parts += [_MARK.pack(_CHANGED, len(packed)), packed]
    return seal(b"".join(parts))


def decode(blob: bytes, base: Texts | None) -> Texts:
    """What `encode` was given.

    Raises:
        Damaged: The bytes are not what was written.
    """
    body = unseal(blob)
    try:
        if base is None:
            whole: Texts = json.loads(zlib.decompress(body))
            return whole
        found, at = {}, 0
        for name, was in base.items():
            mark, length = _MARK.unpack_from(body, at)
            at += _MARK.size
            if mark == _SAME:
                found[name] = was
            elif mark == _CHANGED:
                reader = zlib.decompressobj(_RAW, zdict=was.encode()[-_WINDOW:])
                found[name] = reader.decompress(body[at : at + length]).decode()
                at += length
    except (zlib.error, struct.error, ValueError) as error:
        raise Damaged(str(error)) from None
    return found


def document_of(texts: Texts) -> dict[str, Any]:
    """The document itself.

    Raises:
        Damaged: A text is no JSON.
    """
    try:
        return {name: json.loads(text) for name, text in texts.items()}
    except ValueError as error:
        raise Damaged(str(error)) from None


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
