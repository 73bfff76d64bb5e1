"""Every exception that capmon raises on purpose.

CapmonError                 base; its text is fit to show to a user
├── ConfigError             the configuration cannot be used; carries every fault found
├── QuantityError           a text such as "250ms" is not a quantity of the kind expected
├── SourceError             a source of measurements failed (unreachable, slow, malformed)
│   └── SourceTooLarge      a response passed the size limit
├── NotEnoughData           an analysis was asked for more than the data can carry
├── TargetError             a scale target could not be read or changed
│   └── ActionRefused       a limit or the mode forbids the action
├── SnapshotError           a snapshot cannot be read or written
├── HistoryBusy             another process writes this record of the history
└── ThemeError              a theme file is broken
"""

from __future__ import annotations


class CapmonError(Exception):
    """Base of all errors that capmon raises on purpose; the text is fit to show to a user."""


class ConfigError(CapmonError):
    """The configuration cannot be used; `faults` holds one line for each thing that is wrong."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class QuantityError(CapmonError):
    """A text is not a quantity of the kind expected."""


class SourceError(CapmonError):
    """A source of measurements failed; the text says how, without secrets."""


class SourceTooLarge(SourceError):
    """A response passed the size limit."""


class NotEnoughData(CapmonError):
    """The data cannot carry the analysis asked for; the text says what is missing."""


class TargetError(CapmonError):
    """A scale target could not be read or changed."""


class ActionRefused(TargetError):
    """A limit or the mode forbids the action."""


class SnapshotError(CapmonError):
    """A snapshot cannot be read or written."""


class HistoryBusy(CapmonError):
    """Another process writes this record of the history; the text names it."""


class ThemeError(CapmonError):
    """A theme file is broken; the text names the file and what is wrong."""
