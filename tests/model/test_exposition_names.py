"""The names under which capmon's metrics are exported: valid, unique, with their unit at the end."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from capmon.errors import CapmonError
from capmon.model.exposition import (
    ANSWERS,
    PROBABILITIES,
    TIME_TO_THRESHOLD,
    families,
    family,
    labels,
)
from capmon.model.forecasts import TimeToLimit
from capmon.model.metric import CATALOGUE, key

NAME = re.compile(r"capmon(_[a-z0-9]+)+")


@pytest.mark.parametrize("metric_key", CATALOGUE)
def test_every_metric_has_a_valid_name_that_ends_in_its_unit(metric_key: str) -> None:
    """A name is lower case with single underscores, and ends in the unit where there is one."""
    found = family(metric_key)
    assert NAME.fullmatch(found.name)
    assert not found.unit or found.name.endswith(f"_{found.unit}")
    assert found.help == CATALOGUE[metric_key].help


def test_no_two_metrics_share_a_name() -> None:
    """Each metric of the catalogue and each answer is a family of its own."""
    names = [f.name for f in families()]
    assert len(names) == len(CATALOGUE) + len(ANSWERS)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("metric_key", "name"),
    [
        ("http.server.request.duration.p95", "capmon_http_server_request_duration_p95_seconds"),
        ("cache.hit_ratio", "capmon_cache_hit_ratio"),
        ("http.server.error.ratio", "capmon_http_server_error_ratio"),
        ("system.processes.count", "capmon_system_processes"),
        ("db.status", "capmon_db_status"),
        ("system.disk.read", "capmon_system_disk_read_bytes_per_second"),
        ("system.cpu.limit", "capmon_system_cpu_limit_cores"),
    ],
)
def test_units_are_said_once_and_states_have_none(metric_key: str, name: str) -> None:
    """A name that says its unit already does not say it twice."""
    assert family(metric_key).name == name


def test_labels_of_a_key_are_labels_of_the_sample() -> None:
    """Labels change the sample and not the family."""
    metric_key = key("system.filesystem.utilization", mountpoint='/a"b\n')
    assert family(metric_key) == family("system.filesystem.utilization")
    assert labels(metric_key) == {"mountpoint": '/a"b\n'}


def test_an_unknown_name_is_refused() -> None:
    """What the catalogue does not hold has no name here either."""
    with pytest.raises(CapmonError, match="not a metric"):
        family("no.such.metric")


def test_probabilities_are_fields_of_the_time_to_a_limit() -> None:
    """Every label value stands for a field that there is."""
    assert set(PROBABILITIES) == set(TimeToLimit.__slots__)
    assert TIME_TO_THRESHOLD.labels == ("metric", "probability")


def page() -> str:
    """A page with a sample of each family."""
    lines = []
    for found in families():
        inside = ",".join(f'{name}="x"' for name in found.labels)
        lines += [f"# TYPE {found.name} gauge"]
        lines += [f"# UNIT {found.name} {found.unit}"] if found.unit else []
        lines += [f"# HELP {found.name} {found.help}", f"{found.name}{{{inside}}} 1"]
    return "\n".join([*lines, "# EOF"]) + "\n"


def test_a_strict_parser_takes_every_family_with_its_unit() -> None:
    """OpenMetrics demands that the unit ends the name."""
    read = list(text_string_to_metric_families(page()))
    assert [(f.name, f.unit) for f in read] == [(f.name, f.unit) for f in families()]


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool_finds_nothing_to_blame() -> None:
    """Prometheus' own linter has no complaint about any name or help."""
    text = "".join(line + "\n" for line in page().splitlines() if "# UNIT" not in line and "EOF" not in line)  # fmt: skip
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
