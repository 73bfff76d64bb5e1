"""JSON Schema of the capacity plan, made from its types and their docstrings.

`python -m capmon.report.plan_schema > schemas/plan.schema.json` writes it anew.
"""

from __future__ import annotations

import sys

from capmon.model.plan import Plan
from capmon.report.plan_json import KIND, SCHEMA_VERSION
from capmon.snapshot_schema import DIALECT, MOMENT, Schema, object_of, schema_of


def plan_schema() -> Schema:
    """JSON Schema, draft 2020-12, of a plan.

    Fields may be added within a major version, so a document may hold more than is said here.
    """
    defs: dict[str, Schema] = {}
    plan = schema_of(Plan, defs)
    major = SCHEMA_VERSION.partition(".")[0]
    properties: Schema = {
        "schema_version": {
            "description": "Major and minor version; a minor one adds fields, a major one changes them.",
            "type": "string",
            "pattern": rf"^{major}\.[0-9]+$",
        },
        "kind": {"description": "What the document is.", "const": KIND},
        "made_at": {"description": "Moment at which it was made.", **MOMENT},
        "version": {"description": "Version of capmon.", "type": "string"},
        "plan": {"description": "The plan.", **plan},
    }
    return {
        "$schema": DIALECT,
        "title": "capmon capacity plan",
        "description": "A capacity plan. Times are RFC 3339 in UTC, but those of charts, which are Unix times;"
        " values are in the unit that stands beside them, and null is not known.",
        **object_of(properties),
        "$defs": dict(sorted(defs.items())),
    }


if __name__ == "__main__":
    import json

    sys.stdout.write(json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n")
