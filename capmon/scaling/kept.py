"""States of policies as plain documents and back, so that they outlive a restart."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def plain(value: Any) -> Any:
    """Dataclasses as objects and tuples as lists, as JSON knows them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    return value


def revived(kind: Any, document: Any) -> Any:
    """A value of a type from its document; a field that is missing takes its default.

    Args:
        kind: A type: a dataclass of numbers, texts, tuples, options and dataclasses, or one of these.
        document: What `plain` made of it, perhaps by another version of the program.

    Raises:
        ValueError: It is something else; the text says what.
    """
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _option(get_args(kind), document)
    if origin is Literal:
        if document in get_args(kind):
            return document
        raise ValueError(f"{document!r} is none of {get_args(kind)}")
    if origin is tuple:
        return _tuple(get_args(kind), document)
    if is_dataclass(kind):
        return _record(kind, document)
    return _single(kind, document)


def _option(kinds: tuple[Any, ...], document: Any) -> Any:
    for kind in kinds:
        try:
            return revived(kind, document)
        except ValueError:
            continue
    raise ValueError(f"{type(document).__name__} is none of {kinds}")


def _tuple(kinds: tuple[Any, ...], document: Any) -> tuple[Any, ...]:
    if not isinstance(document, list):
        raise ValueError(f"expected a list, found {type(document).__name__}")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(revived(kinds[0], d) for d in document)
    if len(kinds) != len(document):
        raise ValueError(f"expected {len(kinds)} values, found {len(document)}")
    return tuple(revived(k, d) for k, d in zip(kinds, document, strict=True))


def _record(kind: Any, document: Any) -> Any:
    if not isinstance(document, dict):
        raise ValueError(f"expected an object, found {type(document).__name__}")
    hints = get_type_hints(kind)
    unknown = document.keys() - hints.keys()
    if unknown:
        raise ValueError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    try:
        return kind(**{name: revived(hints[name], d) for name, d in document.items()})
    except TypeError as error:  # a field without a default is missing
        raise ValueError(str(error)) from None


def _single(kind: Any, document: Any) -> Any:
    if kind is NoneType or kind is None:
        if document is None:
            return None
    elif kind is float:
        if isinstance(document, int | float) and not isinstance(document, bool):
            if math.isnan(document):
                raise ValueError("not a number")
            return float(document)
    elif kind is bool or kind is str:
        if isinstance(document, kind):
            return document
    elif kind is int and isinstance(document, int) and not isinstance(document, bool):
        return document
    raise ValueError(f"expected {getattr(kind, '__name__', kind)}, found {type(document).__name__}")
