"""Pressure stall information, present, absent, forbidden and broken."""

import errno
import os
import tempfile
from pathlib import Path

import pytest
from host_tree import FILES, Machine
from hypothesis import given
from hypothesis import strategies as st

from capmon.collectors import files, pressure
from capmon.collectors.cgroup import Limits
from capmon.collectors.tally import Tally
from capmon.errors import SourceError

PSI = tuple(path for path in FILES if "pressure" in path)
KEYS = {
    "system.pressure.cpu.some.avg10",
    "system.pressure.memory.some.avg10",
    "system.pressure.memory.full.avg10",
    "system.pressure.io.some.avg10",
    "system.pressure.io.full.avg10",
}


async def test_kernel_without_psi(tmp_path):
    """A kernel without PSI leaves all five metrics missing, with that as the reason."""
    batch = await Machine(tmp_path, without=PSI).collector().collect()
    reasons = {k: batch.missing[k] for k in KEYS}
    assert set(reasons.values()) == {"not available: kernel without PSI"}
    assert "system.memory.utilization" in batch.values


def test_permission_denied(tmp_path):
    """Files that may not be read say so, each for itself."""
    machine = Machine(tmp_path)
    (tmp_path / PSI[0]).chmod(0)
    tally = Tally()
    root = os.geteuid() == 0
    if root:  # root may read everything, so look as somebody else
        shared = Path(tempfile.gettempdir()).resolve()
        for folder in (tmp_path, *tmp_path.parents):
            if folder == shared or shared not in folder.parents:
                break
            folder.chmod(0o755)
        os.seteuid(65534)
    try:
        pressure.Pressure(os.fspath(machine.folder / "proc")).read(Limits(), 0.0, tally)
    finally:
        if root:
            os.seteuid(0)
    batch = tally.batch(0.0, None)
    assert batch.missing == {"system.pressure.cpu.some.avg10": "permission denied"}
    assert set(batch.values) == KEYS - set(batch.missing)


def test_turned_off_at_boot(monkeypatch):
    """A kernel that has PSI but was started without it is told apart from one that has none."""

    def refuse(path, flags):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SourceError, match="turned off in this kernel"):
        files.read("/proc/pressure/cpu")


async def test_one_line_is_missing(tmp_path):
    """A file that lacks one of its lines leaves only that metric missing."""
    batch = await Machine(tmp_path, {"proc/pressure/io": "some avg10=1.50 total=1\n"}).collector().collect()  # fmt: skip
    assert batch.values["system.pressure.io.some.avg10"] == 0.015
    assert batch.missing["system.pressure.io.full.avg10"] == "/proc/pressure/io does not say"


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "x", ""])
def test_values_that_are_none(value):
    """A value that is no share of time is skipped, whatever it looks like."""
    assert pressure.parse(f"some avg10={value} total=1\n") == {}


@given(st.text())
def test_any_text(text):
    """Whatever the file holds, parsing gives finite shares of 0 or more and never raises."""
    assert all(0 <= share < float("inf") for share in pressure.parse(text).values())
