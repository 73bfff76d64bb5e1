"""A capacity plan as versioned JSON: moments as RFC 3339 in UTC, values in base units, unknown as null."""

from __future__ import annotations

from typing import Any

from capmon import __version__
from capmon.clock import rfc3339
from capmon.model.plan import Plan
from capmon.snapshot import encode, plain

SCHEMA_VERSION = "1.0"

KIND = "capmon.plan"
"""What a plan calls itself."""


def as_document(plan: Plan) -> dict[str, Any]:
    """The plan as plain values, fit for JSON; x of a chart over time are Unix times."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        "made_at": rfc3339(plan.made_at),
        "version": __version__,
        "plan": plain(plan),
    }


def as_json(plan: Plan) -> str:
    """The plan as JSON text; the same plan gives the same bytes."""
    return encode(as_document(plan))
