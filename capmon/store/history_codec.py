"""Arrays as few bytes, each with a checksum: times exactly, values exactly or to 2^-15 of themselves."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from capmon.store.course import Vec

Ints = NDArray[np.int64]

PRECISION = 2.0**-15
"""Greatest relative error of a value that is not kept exactly."""

_MANTISSA = 14
"""Bits of the mantissa that are kept."""

_DROPPED = 52 - _MANTISSA
_LEVEL = 6
_WHOLE = 2.0**52
_MOST = 2**24
"""No chunk has more values than this."""

_TINY = 1e-300
"""Below this a float has fewer bits of mantissa than are to be kept."""

_PLACES = (0, 1, 2, 3, 4, 6)
_NEAR = 1e-12
"""Relative distance at which a value is taken for the decimal beside it: 12.3 / 100 for 0.123."""

_EMPTY, _CONSTANT, _DECIMAL, _ROUNDED, _EXACT = range(5)
_HEAD = struct.Struct("<BBI")
_INTS = struct.Struct("<BBIq")
_SEAL = struct.Struct("<I")
_LENGTH = struct.Struct("<I")


class Damaged(ValueError):
    """Bytes that are not what was written."""


def seal(body: bytes) -> bytes:
    """The bytes behind their checksum (CRC-32)."""
    return _SEAL.pack(zlib.crc32(body)) + body


def unseal(blob: bytes) -> bytes:
    """The bytes without their checksum.

    Raises:
        Damaged: They do not fit it.
    """
    if not isinstance(blob, bytes) or len(blob) < _SEAL.size:
        raise Damaged("too short")
    body = blob[_SEAL.size :]
    if zlib.crc32(body) != _SEAL.unpack_from(blob)[0]:
        raise Damaged("the checksum does not fit")
    return body


def encode_ints(whole: Ints) -> bytes:
    """Whole numbers as themselves, their differences or the differences of those: what is smallest.

    Args:
        whole: (n,) below 2^60 in size.
    """
    n = len(whole)
    rest, order = whole, 0
    least = _spread(whole)
    for times in (1, 2):
        if n <= times:
            break
        changed = np.diff(whole, times)
        if (size := _spread(changed)) < least:
            rest, order, least = changed, times, size
    firsts = b"".join(
        struct.pack("<q", int(np.diff(whole, k)[0] if k else whole[0])) for k in range(order)
    )
    base = int(rest.min()) if len(rest) else 0
    above = (rest - base).astype("<u8")
    width = (int(above.max(initial=0)).bit_length() + 7) // 8
    packed = zlib.compress(_planes(above, width), _LEVEL) if width else b""
    return _INTS.pack(order, width, n, base) + firsts + packed


def decode_ints(body: bytes) -> Ints:
    """What `encode_ints` was given.

    Raises:
        Damaged: The bytes are not of that form.
    """
    try:
        order, width, n, base = _INTS.unpack_from(body)
        if n > _MOST or order > n:
            raise Damaged(f"{n} numbers")
        at = _INTS.size + 8 * order
        firsts = struct.unpack_from(f"<{order}q", body, _INTS.size)
        count = n - order
        rest = np.full(count, base, dtype=np.int64)
        if width:
            planes = np.frombuffer(zlib.decompress(body[at:]), np.uint8).reshape(width, count)
            for place, plane in enumerate(planes):
                rest += plane.astype(np.int64) << (8 * place)
        for first in reversed(firsts):
            rest = np.cumsum(np.concatenate(([first], rest)))
    except (struct.error, zlib.error, ValueError) as error:
        raise Damaged(str(error)) from None
    whole: Ints = rest.astype(np.int64, copy=False)
    return whole


def encode_values(values: Vec, *, exact: bool = False) -> bytes:
    """Floats; what is not finite comes back as NaN.

    A chunk that holds one value is that value. Decimals of few places become whole numbers.
    Others lose the last bits of their mantissa, of which 14 stay, unless they must be exact.

    Args:
        values: (n,).
        exact: Whether every value must come back as it is.
    """
    present = np.isfinite(values)
    some = values[present]
    n, gaps = len(values), len(some) < len(values)
    if not len(some):
        return _HEAD.pack(_EMPTY, 0, n)
    holes = b""
    if gaps:
        packed = zlib.compress(np.packbits(present).tobytes(), _LEVEL)
        holes = _LENGTH.pack(len(packed)) + packed
    codec, body = _smallest(some, exact=exact)
    return _HEAD.pack(codec, gaps, n) + holes + body


def decode_values(body: bytes) -> Vec:
    """What `encode_values` was given, NaN where it was not finite.

    Raises:
        Damaged: The bytes are not of that form.
    """
    try:
        codec, gaps, n = _HEAD.unpack_from(body)
        if n > _MOST:
            raise Damaged(f"{n} values")
        at = _HEAD.size
        if codec == _EMPTY:
            return np.full(n, np.nan)
        if not gaps:
            return _unpacked(codec, body[at:], n)
        (length,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        bits = np.frombuffer(zlib.decompress(body[at : at + length]), np.uint8)
        present = np.unpackbits(bits, count=n).astype(bool)
        out = np.full(n, np.nan)
        out[present] = _unpacked(codec, body[at + length :], int(present.sum()))
    except (struct.error, zlib.error, ValueError, IndexError) as error:
        raise Damaged(str(error)) from None
    return out


def _smallest(some: Vec, *, exact: bool) -> tuple[int, bytes]:
    if (some == some[0]).all():
        return _CONSTANT, struct.pack("<d", some[0])
    found = []
    if (decimal := _decimal(some, exact=exact)) is not None:
        found.append((_DECIMAL, decimal))
    if not exact and (rounded := _rounded(some)) is not None:
        found.append((_ROUNDED, encode_ints(rounded)))
    if not found:
        bits = some.astype("<f8").view("<u8")
        found.append((_EXACT, zlib.compress(_planes(bits, 8), _LEVEL)))
    return min(found, key=lambda each: len(each[1]))


def _unpacked(codec: int, body: bytes, n: int) -> Vec:
    out: Vec
    match codec:
        case 1:
            return np.full(n, struct.unpack("<d", body)[0])
        case 2:
            places, unit = struct.unpack_from("<Bq", body)
            out = decode_ints(body[9:]) * float(unit) / 10.0**places
        case 3:
            out = _floats(decode_ints(body))
        case 4:
            planes = np.frombuffer(zlib.decompress(body), np.uint8).reshape(8, n)
            out = planes.T.copy().view("<f8").reshape(n).astype(np.float64)
        case _:
            raise Damaged(f"codec {codec} is not known")
    if len(out) != n:
        raise Damaged("another number of values than was said")
    return out


def _decimal(some: Vec, *, exact: bool) -> bytes | None:
    """Whole multiples of a power of ten, divided by what all have in common; None where they are not."""
    for places in _PLACES:
        whole = _whole(some[:32], places, exact=exact)
        if whole is None or (whole := _whole(some, places, exact=exact)) is None:
            continue
        unit = int(np.gcd.reduce(whole))
        return struct.pack("<Bq", places, unit) + encode_ints(whole // unit)
    return None


def _whole(some: Vec, places: int, *, exact: bool) -> Ints | None:
    with np.errstate(over="ignore"):
        scaled = np.rint(some * 10.0**places)
    if np.abs(scaled).max() >= _WHOLE:
        return None
    back = scaled / 10.0**places
    same = back == some if exact else np.abs(back - some) <= _NEAR * np.abs(some)
    return scaled.astype(np.int64) if same.all() else None


def _rounded(some: Vec) -> Ints | None:
    """Floats with a short mantissa as whole numbers of the same order; None where that loses too much."""
    size = np.abs(some)
    if size.max() > 1e308 or ((size < _TINY) & (size > 0)).any():
        return None
    bits = size.view(np.int64)
    short = (bits + (1 << (_DROPPED - 1))) >> _DROPPED
    return np.where(some < 0, -short, short)


def _floats(short: Ints) -> Vec:
    size = (np.abs(short) << _DROPPED).view(np.float64)
    out: Vec = np.where(short < 0, -size, size)
    return out


def _spread(whole: Ints) -> float:
    """Bits that the numbers take beside their median, roughly."""
    if not len(whole):
        return 0.0
    middle = np.partition(whole, len(whole) // 2)[len(whole) // 2]
    return float(np.log2(1.0 + np.abs(whole - middle)).sum())


def _planes(bits: NDArray[np.uint64], width: int) -> bytes:
    """The lowest byte of all, then the next: bytes of like meaning compress together."""
    return bits.view(np.uint8).reshape(-1, 8)[:, :width].T.tobytes()
