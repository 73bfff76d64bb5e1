"""Curves of a metric over load, and the load at which they reach a limit."""
