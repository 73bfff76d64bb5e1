"""How properties are tried: without deadlines, and in CI always with the same examples."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# A run that decides whether a change lands must not depend on luck; luck is for `make fuzz`.
settings.register_profile(
    "capmon", deadline=None, max_examples=50, derandomize=bool(os.environ.get("CI"))
)
settings.register_profile("fuzz", deadline=None, max_examples=3000, print_blob=True)
settings.load_profile("capmon")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of properties have a mark of their own, so that `make fuzz` finds them."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("property")
