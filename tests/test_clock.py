"""Time zones: the machine's own, and names that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from capmon.clock import is_zone, local_zone


@pytest.mark.parametrize(
    ("name", "known"),
    [("UTC", True), ("Europe/Berlin", True), ("Mars/Phobos", False), ("../etc/passwd", False), ("", False)],
)  # fmt: skip
def test_zones_are_known_by_name(name: str, known: bool) -> None:
    """Only names of the time zone database are zones."""
    assert is_zone(name) is known


def test_the_machine_tells_its_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment goes before the link; without either, or with nonsense, it is UTC."""
    monkeypatch.delenv("TZ", raising=False)
    link = tmp_path / "localtime"
    assert local_zone(link) == "UTC"
    link.symlink_to("/usr/share/zoneinfo/Asia/Kolkata")
    assert local_zone(link) == "Asia/Kolkata"
    monkeypatch.setenv("TZ", ":Europe/Berlin")
    assert local_zone(link) == "Europe/Berlin"
    monkeypatch.setenv("TZ", "nonsense")
    assert local_zone(link) == "Asia/Kolkata"
