"""capmon: a terminal monitor for capacity."""

__version__ = "0.1.0"
