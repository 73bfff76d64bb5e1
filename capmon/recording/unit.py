"""A systemd unit for the recorder, which may read everything and write one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

UNIT = """\
# Install: capmon record --print-unit | sudo tee /etc/systemd/system/capmon-record.service
#          sudo systemctl daemon-reload && sudo systemctl enable --now capmon-record
# It runs as the user who looks: a screen reads from a recorder of the same user alone.
[Unit]
Description=capmon recorder of {name}
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={command}
User={user}
Environment={environment}
Restart=on-failure
RestartSec=5
TimeoutStopSec=5
UMask=0077
Nice=5

# It may read all of this machine, for that is its work, and write its own state alone.
ReadWritePaths={folder}
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp={private}
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
LockPersonality=yes
NoNewPrivileges=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
CapabilityBoundingSet={capabilities}

[Install]
WantedBy=multi-user.target
"""

FOR_ROOT = "CAP_SYS_PTRACE CAP_DAC_READ_SEARCH"
"""What root needs to see what other users' processes read and write."""


def unit(
    argv: Sequence[str], *, name: str, user: str, folder: Path, extra: Path | None = None
) -> str:
    """The text of the unit.

    Args:
        argv: Program and arguments, the program's path absolute.
        name: Whose record it is.
        user: Account that it runs under.
        folder: `capmon.private.state_folder()`.
        extra: Another folder to write, where the history lies elsewhere.
    """
    writable = [folder] if extra in (None, folder) else [folder, Path(str(extra))]
    return UNIT.format(
        name=name.replace("%", "%%"),
        command=" ".join(map(_word, argv)),
        user=user,
        environment=_word(f"XDG_STATE_HOME={folder.parent}", dollars=False),
        # A private /tmp hides what is kept below the real one.
        private="no" if any(_is_passing(f) for f in writable) else "yes",
        folder=" ".join(_word(str(f), dollars=False) for f in writable),
        capabilities=FOR_ROOT if user == "root" else "",
    )


def _is_passing(folder: Path) -> bool:
    return any(folder.is_relative_to(place) for place in ("/tmp", "/var/tmp"))  # noqa: S108


def _word(text: str, *, dollars: bool = True) -> str:
    """A word as systemd reads it: specifiers, variables and quotes stand for themselves."""
    text = text.replace("\\", "\\\\").replace("%", "%%").replace('"', '\\"').replace("\n", "\\n")
    text = text.replace("$", "$$") if dollars else text
    return f'"{text}"' if not text or any(c.isspace() or c in "\\\"';" for c in text) else text
