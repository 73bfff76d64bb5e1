"""The quantities that a setting can be: how its text is read depends on these types."""

from __future__ import annotations

from typing import Annotated, NewType

Duration = NewType("Duration", float)
"""Seconds, written "250ms", "30s", "5m"."""

Ratio = NewType("Ratio", float)
"""A share from 0 to 1, written "70%" or 0.7."""

Size = NewType("Size", float)
"""Bytes, written "4GiB"."""

Positive = Annotated[int, "positive"]
"""A whole number of 1 or more."""

Natural = Annotated[int, "natural"]
"""A whole number of 0 or more."""
