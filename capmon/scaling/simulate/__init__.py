"""Policies replayed on recorded load: what each would have cost, and where it would have failed."""
