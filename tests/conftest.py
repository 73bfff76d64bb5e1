"""How properties are tried: without deadlines, and in CI always with the same examples."""

from __future__ import annotations

import os

from hypothesis import settings

# A run that decides whether a change lands must not depend on luck; luck is for `make test`.
settings.register_profile("capmon", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("capmon")
