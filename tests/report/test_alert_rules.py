"""Prometheus rules: what is in them, that promtool takes them, and when they fire."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from capmon.config.load import load
from capmon.config.schema import FieldSettings, Ratio, Settings
from capmon.demo.exposition import render
from capmon.demo.scenarios import scenario
from capmon.demo.state import DemoState
from capmon.report.alert_rules import alert_rules
from capmon.report.alert_series import origins
from capmon.report.metrics_page import MetricsPage

PROMTOOL = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
HOSTILE = "a\"b\\c'd {{ .Boom }} {\n# x: y\x1b[31m\u202e%{"
OM = {"app.source": "openmetrics", "app.url": "http://127.0.0.1:9/metrics", "app.name": "web"}

Document = dict[str, Any]


def settings(**overrides: str) -> Settings:
    """The defaults with some settings changed; two underscores stand for a dot."""
    return load(None, overrides={k.replace("__", "."): v for k, v in overrides.items()}).settings


def openmetrics(fields: Mapping[str, FieldSettings] | None = None, **changed: str) -> Settings:
    """An application with a page of metrics."""
    made = load(None, overrides=OM | {k.replace("__", "."): v for k, v in changed.items()}).settings
    return replace(made, app=replace(made.app, fields=fields or {}))


def demo_page(made: Settings) -> MetricsPage:
    """The demo service's own page."""
    state = DemoState(scenario("day"))
    state.advance(20.0)
    return MetricsPage(made.app, render(state, openmetrics=True))


def hostile() -> Settings:
    """Names that try to leave their place in YAML, in PromQL and in templates."""
    made = openmetrics(
        {
            "http.server.request.duration.p95": FieldSettings(
                metric="lat", labels={"path": '/a"}\n[1d]) or vector(1) # \\'}, quantile=Ratio(0.95), unit="ms",
            ),
            "http.server.request.rate": FieldSettings(metric="req_total", labels={"x": "=~a|\\.b\"c"}, rate=True),
            "http.server.error.rate": FieldSettings(metric="req_total", labels={"code": "=~5.."}, rate=True),
            "cache.hit_ratio": FieldSettings(metric="bad name{}", unit="%"),
            "process.cpu.utilization": FieldSettings(metric="cpu", labels={"a-b": "1"}),
            "process.memory.utilization": FieldSettings(metric="mem", labels={"a": "=~(?=x)"}),
        }
    )  # fmt: skip
    host = replace(made.host, disks=("/", '/mnt/a"b|c\n'))
    return replace(made, host=host, app=replace(made.app, name=HOSTILE))


def document(text: str) -> dict[str, list[Document]]:
    """Rules by the name of their group."""
    return {group["name"]: group["rules"] for group in yaml.safe_load(text)["groups"]}


def alerts(text: str, name: str) -> dict[str, Document]:
    """The rules of one alert, by severity."""
    rules = [r for group in document(text).values() for r in group if r.get("alert") == name]
    return {r["labels"]["severity"]: r for r in rules}


CASES = {
    "json": (settings(), "auto"),
    "json, node alone": (settings(), "node"),
    "capmon alone": (settings(), "capmon"),
    "host alone": (settings(app__source="none"), "auto"),
    "openmetrics": (openmetrics(), "auto"),
    "kubernetes": (settings(scaling__target__kind="kubernetes", scaling__target__name="deployment/web", scaling__target__namespace="shop"), "auto"),
    "hostile": (hostile(), "auto"),
    "hostile, capmon": (hostile(), "capmon"),
    "wide budget": (settings(thresholds__errors__warning="10%", thresholds__errors__critical="20%"), "auto"),
}  # fmt: skip


def check(tmp_path: Path, text: str) -> str:
    """What promtool says with every linter on and fatal."""
    path = tmp_path / "rules.yml"
    path.write_text(text, encoding="utf-8")
    command = ["promtool", "check", "rules", "--lint=all", "--lint-fatal", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "error" not in done.stderr.lower()
    return done.stdout


@PROMTOOL
@pytest.mark.parametrize("case", CASES)
def test_promtool_takes_every_file_without_a_word(case: str, tmp_path: Path) -> None:
    """Each configuration gives a file that Prometheus loads, and as many rules as were written."""
    made, source = CASES[case]
    text = alert_rules(origins(made, source))
    count = sum(len(rules) for rules in document(text).values())
    assert f"SUCCESS: {count} rules found" in check(tmp_path, text)
    assert count > 15


@PROMTOOL
@pytest.mark.parametrize("window", [30.0, 300.0, 1800.0])
def test_any_window_makes_a_sound_file(window: float, tmp_path: Path) -> None:
    """A window that a burn rate uses too gives no rule twice."""
    made = openmetrics()
    text = alert_rules(
        origins(
            made, page=demo_page(made), window=window,
            host_labels={"instance": "=~web-.*"}, app_labels={"job": "web"},
        )
    )  # fmt: skip
    check(tmp_path, text)
    assert 'node_cpu_seconds_total{instance=~"web-.*",mode=~"idle|iowait"}' in text
    assert 'http_request_duration_seconds_bucket{job="web"}' in text


@pytest.mark.parametrize("case", CASES)
def test_every_alert_says_what_and_what_to_do(case: str) -> None:
    """Each alert carries its severity, the service, a summary, a description and an action."""
    made, source = CASES[case]
    for rules in document(alert_rules(origins(made, source))).values():
        for rule in (r for r in rules if "alert" in r):
            assert re.fullmatch(r"Capmon[A-Z][A-Za-z]+", rule["alert"])
            assert rule["labels"]["severity"] in ("warning", "critical")
            assert rule["labels"]["service"]
            assert all(rule["annotations"][k] for k in ("summary", "description", "action"))


def test_thresholds_and_times_are_those_of_the_configuration() -> None:
    """Warning, critical and `for` come from the settings; hysteresis only where `clear` asks for it."""
    made = settings(thresholds__cpu__warning="55%", thresholds__cpu__for="3m", thresholds__memory__clear="0%")  # fmt: skip
    text = alert_rules(origins(made))
    cpu = alerts(text, "CapmonHostCpuHigh")
    assert cpu["warning"]["expr"].endswith("> 0.55")
    assert cpu["critical"]["expr"].endswith("> 0.9")
    assert {r["for"] for r in cpu.values()} == {"3m"}
    assert cpu["warning"]["keep_firing_for"] == "5m"
    assert "keep_firing_for" not in alerts(text, "CapmonHostMemoryHigh")["warning"]
    assert "keep_firing_for" not in alerts(text, "CapmonDiskSpaceLow")["warning"]
    assert alerts(text, "CapmonCacheHitRatioLow")["warning"]["expr"].endswith("< 0.7")


def test_a_field_in_milliseconds_is_held_against_milliseconds() -> None:
    """Thresholds and buckets stand in the unit that the source reports in."""
    key = "http.server.request.duration.p95"
    made = openmetrics({key: FieldSettings(metric="lat", quantile=Ratio(0.95), unit="ms")})
    text = alert_rules(origins(made))
    assert alerts(text, "CapmonLatencyHigh")["critical"]["expr"].endswith("> 500")
    assert 'lat_bucket{le=~"250(\\\\.0)?"}' in text
    percent = openmetrics({"cache.hit_ratio": FieldSettings(metric="hits", unit="%")})
    expr = alerts(alert_rules(origins(percent)), "CapmonCacheHitRatioLow")["warning"]["expr"]
    assert expr == 'instance:capmon_cache_hit_ratio:sum{service="web"} < 70'


def test_names_come_from_the_page_where_it_was_read() -> None:
    """Of several candidates the one on the page is taken, and its buckets are checked."""
    made = openmetrics()
    text = alert_rules(origins(made, page=demo_page(made)))
    assert "assumed" not in text
    assert "http_request_duration_seconds_bucket" in text
    assert 'sum(rate(http_requests_total{code=~"5.."}[5m]))' in text
    assert "le=0.25 is one of its buckets" in text
    assumed = alert_rules(origins(made))
    assert "# http_server_request_duration_seconds is assumed" in assumed.replace("      ", "")


def test_an_objective_between_two_buckets_has_no_burn_rate() -> None:
    """Without a bucket at the objective nobody knows how many requests are slow, and the file says so."""
    made = openmetrics(objectives__latency_p95="280ms")
    text = alert_rules(origins(made, page=demo_page(made)))
    assert "no bucket le=0.28 (nearest 0.25, 0.3)" in text
    assert "capmon-slo-latency" not in document(text)
    assert "CapmonLatencyHigh" in text


def test_a_threshold_above_the_last_bucket_is_told() -> None:
    """A quantile never leaves the last finite bucket, so such an alert could not fire."""
    made = openmetrics(thresholds__latency_p95__critical="5s")
    text = alert_rules(origins(made, page=demo_page(made)))
    assert "The last bucket ends at 2.5" in text


def test_a_summary_is_asked_for_its_own_quantile() -> None:
    """Where the page has no buckets, the quantile that it reports is held against the threshold."""
    made = openmetrics()
    page = MetricsPage(made.app, 'http_request_duration_seconds{quantile="0.95"} 0.1\nhttp_requests_total{code="200"} 1\n')  # fmt: skip
    text = alert_rules(origins(made, page=page))
    expr = alerts(text, "CapmonLatencyHigh")["warning"]["expr"]
    assert expr == 'http_request_duration_seconds{quantile="0.95"} > 0.25'
    assert "is no histogram" in text


def test_what_is_left_out_is_said_with_the_reason() -> None:
    """A rule that cannot be written stands in the header instead."""
    text = alert_rules(origins(hostile()))
    left = text.partition("groups:")[0]
    for part in ("'bad name{}' is no name", "'a-b' is not the name of a label", "RE2"):
        assert part in left
    node = alert_rules(origins(settings(), "node")).partition("groups:")[0]
    assert "CapmonLatencyHigh: a JSON source is no metric in Prometheus" in node
    assert "capmon_" not in alert_rules(origins(settings(), "node")).replace(":capmon_", "").partition("groups:")[2]  # fmt: skip


def test_a_budget_too_wide_for_a_burn_rate_leaves_it_out() -> None:
    """14.4 times ten per cent is more than all requests: no rule that can never fire."""
    text = alert_rules(origins(CASES["wide budget"][0]))
    rates = {r["labels"]["burn_rate"] for r in document(text)["capmon-slo-errors"] if "alert" in r}
    assert rates == {"6", "3", "1"}
    assert "Left out: 14.4×" in text


@PROMTOOL
def test_names_from_outside_stay_what_they_are(tmp_path: Path) -> None:
    """The service's name comes out of labels and templates as it went in, but for what cannot print."""
    text = alert_rules(origins(replace(hostile(), thresholds=settings().thresholds)))
    name = "a\"b\\c'd {{ .Boom }} { # x: y[31m%{"
    fires(tmp_path, text, "CapmonMeasurementsMissing", {"node_memory_x": "1x20"}, {"9m": [], "11m": [
        {"exp_labels": {"severity": "warning", "service": name, "source": "host"},
         "exp_annotations": {
             "summary": f"{name}: Prometheus has no measurements of the host",
             "description": "None for 10 m: without them no other rule about the host can fire.",
             "action": "check that the target is up and that the labels in these rules match its series"}},
    ]}, only="host")  # fmt: skip


def fires(
    tmp_path: Path,
    text: str,
    alert: str,
    series: Mapping[str, str],
    expected: Mapping[str, list[Document]],
    *,
    interval: str = "1m",
    only: str = "",
) -> None:
    """Run promtool's unit tests: at each time exactly the expected alerts fire."""
    if only:
        found = yaml.safe_load(text)
        for group in found["groups"]:
            group["rules"] = [r for r in group["rules"] if r.get("labels", {}).get("source", only) == only]  # fmt: skip
        text = yaml.safe_dump(found, allow_unicode=True)
    (tmp_path / "rules.yml").write_text(text, encoding="utf-8")
    tests = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": interval,
        # Without an order promtool takes the groups of one moment in any.
        "group_eval_order": [g["name"] for g in yaml.safe_load(text)["groups"]],
        "tests": [{
            "interval": interval,
            "input_series": [{"series": s, "values": v} for s, v in series.items()],
            "alert_rule_test": [
                {"eval_time": at, "alertname": alert, "exp_alerts": what}
                for at, what in expected.items()
            ],
        }],
    }  # fmt: skip
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(tests, allow_unicode=True), encoding="utf-8")
    command = ["promtool", "test", "rules", "tests.yml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def expected(
    text: str, alert: str, severity: str, labels: Mapping[str, str], value: str, **more: str
) -> Document:
    """One firing alert with its texts filled in."""
    rule = next(
        r for group in document(text).values() for r in group
        if r.get("alert") == alert and r["labels"]["severity"] == severity
        and more.items() <= r["labels"].items()
    )  # fmt: skip
    filled = {}
    for name, words in rule["annotations"].items():
        words = re.sub(r"\{\{ \$value[^}]*\}\}", value, words)
        filled[name] = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda m: labels[m[1]], words)
    return {"exp_labels": rule["labels"] | labels, "exp_annotations": filled}


CPU_SERIES = {
    # Two cores, one idle all the time and one never: half of the time is idle, then a tenth.
    'node_cpu_seconds_total{instance="a",cpu="0",mode="idle"}': "0+30x20 600+3x30",
    'node_cpu_seconds_total{instance="a",cpu="0",mode="user"}': "0+30x20 600+57x30",
    'node_cpu_seconds_total{instance="a",cpu="1",mode="idle"}': "0+15x20 300+3x30",
    'node_cpu_seconds_total{instance="a",cpu="1",mode="iowait"}': "0+15x20 300+3x30",
    'node_cpu_seconds_total{instance="a",cpu="1",mode="steal"}': "0+30x20 600+54x30",
}


@PROMTOOL
def test_a_busy_cpu_is_told_after_its_time_and_not_before(tmp_path: Path) -> None:
    """The alert waits for its `for`, counts time stolen as busy and iowait as idle."""
    text = alert_rules(origins(settings(thresholds__cpu__for="5m")))
    at = {"instance": "a"}
    warning = expected(text, "CapmonHostCpuHigh", "warning", at, "92.5%")
    critical = expected(text, "CapmonHostCpuHigh", "critical", at, "92.5%")
    fires(tmp_path, text, "CapmonHostCpuHigh", CPU_SERIES,
          {"20m": [], "25m": [], "35m": [critical, warning]})  # fmt: skip


@PROMTOOL
def test_an_alert_outlives_a_short_dip(tmp_path: Path) -> None:
    """A value around its threshold is one alert: it goes on for five minutes after the condition."""
    text = alert_rules(origins(settings(thresholds__memory__for="2m")))
    series = {
        'node_memory_MemTotal_bytes{instance="a"}': "100x60",
        'node_memory_MemAvailable_bytes{instance="a"}': "15x20 50x40",
    }
    labels = {"instance": "a"}
    during = expected(text, "CapmonHostMemoryHigh", "warning", labels, "85%")
    fires(tmp_path, text, "CapmonHostMemoryHigh", series,
          {"1m": [], "10m": [during], "23m": [during], "40m": []})  # fmt: skip


def burning(ratio: float, minutes: int) -> dict[str, str]:
    """Requests of which so many fail: 1000 a minute."""
    bad = round(1000 * ratio)
    return {
        'http_requests_total{code="200"}': f"0+{1000 - bad}x{minutes}",
        'http_requests_total{code="500"}': f"0+{bad}x{minutes}",
    }


@PROMTOOL
def test_the_fast_burn_fires_beyond_its_rate_and_not_at_the_budget(tmp_path: Path) -> None:
    """Fifteen times the budget is told as soon as both windows say so; once the budget is never told as fast."""
    made = openmetrics()
    text = alert_rules(origins(made, page=demo_page(made)))
    name = "CapmonErrorBudgetBurn"
    fast = expected(text, name, "critical", {}, "15%", burn_rate="14.4")
    steady = expected(text, name, "critical", {}, "15%", burn_rate="6")
    day = expected(text, name, "warning", {}, "15%", burn_rate="3")
    three = expected(text, name, "warning", {}, "15%", burn_rate="1")
    fires(tmp_path, text, name, burning(0.15, 90), {"80m": [fast, steady, day, three]})
    fires(tmp_path, text, name, burning(0.01, 90), {"80m": []})
    fires(tmp_path, text, name, burning(0.14, 90), {"80m": [
        expected(text, name, s, {}, "14%", burn_rate=r)
        for s, r in (("critical", "6"), ("warning", "3"), ("warning", "1"))
    ]})  # fmt: skip


@PROMTOOL
def test_a_burn_that_is_over_falls_silent_with_its_short_window(tmp_path: Path) -> None:
    """The long window alone is no alert: five minutes after the last failure the fast one ends."""
    made = openmetrics()
    text = alert_rules(origins(made, page=demo_page(made)))
    series = {
        'http_requests_total{code="200"}': "0+500x40 20000+1000x20",
        'http_requests_total{code="500"}': "0+500x40 20000+0x20",
    }
    slo = document(text)["capmon-slo-errors"]
    fast = next(r for r in slo if r["labels"].get("burn_rate") == "14.4")
    alone = yaml.safe_dump({"groups": [{"name": "g", "rules": [*(r for r in slo if "record" in r), fast]}]})  # fmt: skip
    name = "CapmonErrorBudgetBurn"
    told = expected(text, name, "critical", {}, "50%", burn_rate="14.4")
    fires(tmp_path, alone, name, series, {"39m": [told], "47m": []})


@PROMTOOL
def test_slow_requests_burn_their_budget_by_the_bucket_at_the_objective(tmp_path: Path) -> None:
    """The share over the objective is what the bucket at 250 ms leaves."""
    made = openmetrics()
    text = alert_rules(origins(made, page=demo_page(made)))
    series = {
        'http_request_duration_seconds_bucket{le="0.25"}': "0+200x90",
        "http_request_duration_seconds_count": "0+1000x90",
    }
    name = "CapmonLatencyBudgetBurn"
    all_four = [
        expected(text, name, s, {}, "80%", burn_rate=r)
        for s, r in (("critical", "14.4"), ("critical", "6"), ("warning", "3"), ("warning", "1"))
    ]
    fires(tmp_path, text, name, series, {"80m": all_four})
    fine = {s: v.replace("+200", "+960") for s, v in series.items()}
    fires(tmp_path, text, name, fine, {"80m": []})


def disk(free: str, size: int = 1000) -> dict[str, str]:
    """A file system of which so much is free, by node_exporter's names."""
    labels = '{instance="a",mountpoint="/",fstype="ext4"}'
    return {
        f"node_filesystem_size_bytes{labels}": f"{size}x400",
        f"node_filesystem_free_bytes{labels}": free,
        f"node_filesystem_avail_bytes{labels}": free,
    }


@PROMTOOL
@pytest.mark.slow
def test_a_disk_that_fills_up_is_told_and_a_flat_one_is_not(tmp_path: Path) -> None:
    """Only a trend over hours and over the day on a file system half full is worth a word."""
    text = alert_rules(origins(settings(app__source="none")))
    at = {"instance": "a", "mountpoint": "/", "fstype": "ext4"}
    name = "CapmonDiskFillsUp"
    both = [expected(text, name, s, at, "90%") for s in ("critical", "warning")]
    # 5 minutes a step: 300 steps are 25 hours.
    fires(tmp_path, text, name, disk("1000-3x400"), {"1500m": both}, interval="5m")
    for free in (
        "100x400",  # nearly full, and stays so
        "900-0.5x400",  # fills up, far from half
        "200+0.3x400",  # is being cleared
        "400-0.1x400",  # fills up, full in two weeks
    ):
        fires(tmp_path, text, name, disk(free), {"1500m": []}, interval="5m")
    saw = " ".join(["450-20x10", "450-20x10"] * 16)
    fires(tmp_path, text, name, disk(saw), {"1500m": [], "1525m": [], "1550m": []}, interval="5m")


@PROMTOOL
def test_capmon_forecasts_are_told_by_their_probability(tmp_path: Path) -> None:
    """A limit that is surely near is critical, one that may be near a warning, one crossed already neither."""
    text = alert_rules(origins(settings(), "capmon"))
    name = "CapmonFillsUp"
    key = 'system.filesystem.utilization{mountpoint="/"}'
    inside = f'capmon_time_to_threshold_seconds{{probability="%s",metric="{key.replace(chr(34), chr(92) + chr(34))}"}}'  # fmt: skip
    labels = {"metric": key}
    near = {inside % "0.9": "7200x10", inside % "0.5": "3600x10"}
    sure = expected(text, name, "critical", labels | {"probability": "0.9"}, "2h 0m 0s")
    maybe = expected(text, name, "warning", labels | {"probability": "0.5"}, "1h 0m 0s")
    fires(tmp_path, text, name, near, {"0m": [], "5m": [sure, maybe]})
    crossed = {inside % "0.9": "-60x10", inside % "0.5": "-3600x10"}
    fires(tmp_path, text, name, crossed, {"5m": []})
    fires(tmp_path, text, "CapmonLimitAhead", near, {"5m": []})
