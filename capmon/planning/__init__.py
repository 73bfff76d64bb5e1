"""The capacity plan: evidence out of a history, and one module a chapter."""
