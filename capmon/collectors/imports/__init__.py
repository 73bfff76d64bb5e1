"""Measurements of others, from files: CSV, JSON Lines, sysstat, recorded series."""
