"""What is wrong with a configuration is said in one line each: file, line, key, what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from capmon.config.faults import MOST
from capmon.config.load import load
from capmon.errors import ConfigError

ENVIRON = {"PACE": "s3cret"}


def faults(folder: Path, text: str, **overrides: str) -> list[str]:
    """The faults of a file with this text, loaded from its own folder."""
    (folder / "capmon.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(environ=ENVIRON, overrides=overrides, cwd=folder)
    return caught.value.faults


BROKEN = {
    "misspelt key": (
        "thresholds:\n  cpu: {warnning: 70%}",
        "capmon.yaml:2: thresholds.cpu.warnning: unknown key; did you mean warning?",
    ),
    "misspelt section": (
        "interval: 1s\nap:\n  name: x",
        "capmon.yaml:2: ap: unknown key; did you mean app?",
    ),
    "key of another section": ("min: 3", "capmon.yaml:1: min: unknown key; did you mean scaling.min?"),
    "key like no other": (
        "forecast: {blah: 1}",
        "capmon.yaml:1: forecast.blah: unknown key; expected horizon or level",
    ),
    "not a duration": (
        "interval: fast",
        "capmon.yaml:1: interval: expected a duration such as 250ms, 30s or 5m, got 'fast'",
    ),
    "nothing after the colon": (
        "interval:",
        "capmon.yaml:1: interval: expected a duration such as 250ms, 30s or 5m, got nothing",
    ),
    "percent without its sign": (
        "utilization_target: 80",
        "capmon.yaml:1: utilization_target: expected a share such as 70% or 0.7, got '80'; write 80%",
    ),
    "milliseconds without their unit": (
        "objectives:\n  latency_p95: 250",
        "capmon.yaml:2: objectives.latency_p95: expected a response time of at most 60s such as 250ms, got 250s",
    ),
    "zero interval": ("interval: 0", "capmon.yaml:1: interval: expected 100ms or more, got 0s"),
    "short interval": (
        "app:\n  interval: 50ms",
        "capmon.yaml:2: app.interval: expected 100ms or more, got 50ms",
    ),
    "zero timeout": (
        "app: {timeout: 0s}",
        "capmon.yaml:1: app.timeout: expected more than 0, got 0s",
    ),
    "certain forecast": (
        "forecast: {level: 100%}",
        "capmon.yaml:1: forecast.level: expected more than 0% and less than 100%, got 100%",
    ),
    "misspelt choice": (
        "app: {source: jsn}",
        "capmon.yaml:1: app.source: expected json, openmetrics or none, got 'jsn'; did you mean json?",
    ),
    "word for a switch": (
        "host: {cgroup: maybe}",
        "capmon.yaml:1: host.cgroup: expected true or false, got 'maybe'",
    ),
    "fraction for a count": (
        "host: {processes: 2.5}",
        "capmon.yaml:1: host.processes: expected a whole number of 0 or more, got '2.5'",
    ),
    "no replicas": (
        "scaling: {min: 0}",
        "capmon.yaml:1: scaling.min: expected a whole number of 1 or more, got '0'",
    ),
    "text for a section": (
        "app: web",
        "capmon.yaml:1: app: expected a section with name, source or url, got a text",
    ),
    "section for a text": (
        "app:\n  name: {a: b}",
        "capmon.yaml:2: app.name: expected a text, got a section",
    ),
    "list for the whole file": (
        "- interval: 1s",
        "capmon.yaml:1: expected settings such as 'interval: 1s', one a line",
    ),
    "mount point without its slash": (
        "host: {disks: [/, var]}",
        "capmon.yaml:1: host.disks[1]: expected a mount point such as /var, got 'var'",
    ),
    "more at least than at most": (
        "scaling:\n  min: 12\n  max: 10",
        "capmon.yaml:2: scaling.min: expected at most 10, which is max, got 12",
    ),
    "less at most than the default at least": (
        "scaling:\n  max: 1",
        "capmon.yaml:2: scaling.max: expected at least 2, which is min by default, got 1",
    ),
    "warning beyond critical": (
        "thresholds:\n  latency_p95: {warning: 1s}",
        "capmon.yaml:2: thresholds.latency_p95.warning: expected at most 500ms, which is critical by default, got 1s",
    ),
    "more errors warned of than are critical": (
        "thresholds:\n  errors: {warning: 6%}",
        "capmon.yaml:2: thresholds.errors.warning: expected at most 5%, which is critical by default, got 6%",
    ),
    "low is bad": (
        "thresholds:\n  cache_hit_ratio:\n    critical: 90%",
        "capmon.yaml:3: thresholds.cache_hit_ratio.critical: low is bad here, so expected at most 70%, which is warning by default, got 90%",
    ),
    "swarm without its service": (
        "scaling:\n  target:\n    interval: 5s\n    kind: swarm",
        "capmon.yaml:4: scaling.target.service: kind swarm needs it, such as web",
    ),
    "kubernetes without its workload": (
        "scaling: {target: {kind: kubernetes}}",
        "capmon.yaml:1: scaling.target.name: kind kubernetes needs it, such as deployment/web",
    ),
    "service that is an option": (
        "scaling: {target: {kind: swarm, service: --force}}",
        "capmon.yaml:1: scaling.target.service: expected a name, got '--force'",
    ),
    "service without its kind": (
        "scaling: {target: {service: web}}",
        "capmon.yaml:1: scaling.target.kind: missing; service belongs to kind: swarm",
    ),
    "command that cannot read": (
        "scaling: {target: {kind: command, write: [scale, '{replicas}']}}",
        "capmon.yaml:1: scaling.target.read: kind command needs it: a list such as [replicas, get, web]",
    ),
    "command without the count": (
        "scaling: {target: {kind: command, read: [count], write: [scale, web]}}",
        "capmon.yaml:1: scaling.target.write: '{replicas}' must stand where the count goes",
    ),
    "command line in one text": (
        "scaling: {target: {kind: command, read: count web, write: [scale, '{replicas}']}}",
        "capmon.yaml:1: scaling.target.read: expected a list such as [a, b], got a text",
    ),
    "http without its URL": (
        "scaling: {target: {kind: http}}",
        "capmon.yaml:1: scaling.target.url: expected a URL such as http://localhost:8080, got nothing",
    ),
    "URL of another kind": (
        "app:\n  url: ftp://files/",
        "capmon.yaml:2: app.url: expected a URL such as http://localhost:8080, got 'ftp://files/'",
    ),
    "port out of range": (
        "app: {url: 'http://web:99999'}",
        "capmon.yaml:1: app.url: expected a URL such as http://localhost:8080, got 'http://web:99999'",
    ),
    "misspelt metric": (
        "app:\n  fields:\n    http.server.request.rte: {path: x}",
        "capmon.yaml:3: app.fields.http.server.request.rte: unknown metric; did you mean http.server.request.rate?",
    ),
    "unit of something else": (
        "app: {fields: {cache.hit_ratio: {path: x, unit: ms}}}",
        "capmon.yaml:1: app.fields.cache.hit_ratio.unit: 'ms' does not measure it; expected 1 or %",
    ),
    "two ways to one value": (
        "app: {fields: {cache.hit_ratio: {path: x, metric: y}}}",
        "capmon.yaml:1: app.fields.cache.hit_ratio.metric: path and metric exclude each other: path is for JSON, metric for OpenMetrics",
    ),
    "field of the other source": (
        "app: {source: openmetrics, fields: {cache.hit_ratio: {path: x}}}",
        "capmon.yaml:1: app.fields.cache.hit_ratio.path: is for source json; this one is openmetrics, which takes metric and labels",
    ),
    "field from nowhere": (
        "app: {fields: {cache.hit_ratio: {unit: '%'}}}",
        "capmon.yaml:1: app.fields.cache.hit_ratio: needs path: where the value is in the document",
    ),
    "broken path": (
        "app: {fields: {cache.hit_ratio: {path: 'a..b'}}}",
        "capmon.yaml:1: app.fields.cache.hit_ratio.path: not a JMESPath from column 3 on: 'a..b'",
    ),
    "path with a dash": (
        "app: {fields: {cache.hit_ratio: {path: hit-rate}}}",
        "capmon.yaml:1: app.fields.cache.hit_ratio.path: not a JMESPath from column 4 on: 'hit-rate'; put a name that holds '-' in double quotes",
    ),
    "quantile as a percentage": (
        "app: {source: openmetrics, fields: {http.server.request.duration.p95: {metric: x, quantile: 95}}}",
        "capmon.yaml:1: app.fields.http.server.request.duration.p95.quantile: expected a share such as 70% or 0.7, got '95'; write 95%",
    ),
    "limit that nothing uses": (
        "scaling:\n  limits:\n    - name: database connections\n      per_replica: 0\n      total: 100",
        "capmon.yaml:4: scaling.limits[0].per_replica: expected more than 0, got 0",
    ),
    "limit without its size": (
        "scaling:\n  limits:\n    - {name: connections, per_replica: 25}",
        "capmon.yaml:3: scaling.limits[0].total: missing; expected a number",
    ),
    "name of a header": (
        "app: {headers: {'a b': x}}",
        "capmon.yaml:1: app.headers.a b: not the name of a header",
    ),
    "theme elsewhere": (
        "theme: ../night",
        "capmon.yaml:1: theme: expected the name of a theme such as night, got '../night'",
    ),
    "variable that is not set": (
        "app:\n  headers:\n    Authorization: Bearer ${NO_SUCH}",
        "capmon.yaml:3: app.headers.Authorization: the variable NO_SUCH is not set; write ${NO_SUCH:-…} for a default",
    ),
    "variable that is not closed": (
        "app: {name: '${HOME'}",
        "capmon.yaml:1: app.name: '${' must be followed by a name and '}'; write $${ for the text itself",
    ),
    "variable with the wrong kind of value": (
        "interval: ${PACE}",
        "capmon.yaml:1: interval: expected a duration such as 250ms, 30s or 5m, got the value of ${PACE}",
    ),
    "tab": ("app:\n\tname: x", "capmon.yaml:2: a tab cannot indent a line; use spaces"),
    "open quote": (
        "interval: 1s\napp: {name: 'x}",
        "capmon.yaml:2: not YAML: a quote opened here is never closed",
    ),
    "open bracket": (
        "host:\n  disks: [/\napp: {}",
        "capmon.yaml:3: not YAML: expected ',' or the end of the [ opened in line 2",
    ),
    "variable inside braces": (
        "app:\n  headers: {X-Team: ${TEAM}}",
        "capmon.yaml:2: not YAML: expected ',' or the end of the { opened in line 2; put a value that holds ${…} in quotes",
    ),
    "two colons": (
        "app:\n  name: web: one",
        "capmon.yaml:2: not YAML: a ':' too many, or a line indented too far; put a text that holds ': ' in quotes",
    ),
    "crooked indentation": (
        "app:\n   name: web\n  url: x",
        "capmon.yaml:3: not YAML: indented unlike the lines it belongs to, which begin in line 1",
    ),
    "percent sign first": (
        "app: {name: @web}",
        "capmon.yaml:1: not YAML: a value cannot begin with '@'; put it in quotes",
    ),
    "no colon": ("interval: 1s\ntheme", "capmon.yaml:2: not YAML: a key without ':' after it"),
    "key twice": (
        "app:\n  name: a\n  url: http://x\n  name: b",
        "capmon.yaml:4: app.name: written twice, first in line 2",
    ),
    "list for a key": ("? [a]\n: 1", "capmon.yaml:1: a key must be a word, not a list or a section"),
    "two documents": (
        "interval: 1s\n---\ninterval: 2s",
        "capmon.yaml:2: a second document begins here; one is read",
    ),
    "tag": ("interval: !!int 1", "capmon.yaml:1: the tag '!!int' has no meaning here"),
    "control character": (
        "interval: 1s\ntheme: \x1b[31m",
        "capmon.yaml:2: not YAML: the control character '\\x1b'",
    ),
    "alias to nothing": (
        "app: *x",
        "capmon.yaml:1: *x stands for nothing: no &x before it",
    ),
    "alias to itself": ("app: &a\n  fields: *a", "capmon.yaml:2: *a would hold itself"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=list(BROKEN))
def test_a_broken_file_is_told_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    """One fault gives exactly one line: where it is, which key, and what to write instead."""
    assert faults(tmp_path, text) == [message]


def test_all_faults_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Types, names, contradictions and variables are all checked before anything is said."""
    text = """\
interval: fast
scaling:
  max: 1
  mode: dryrun
app:
  url: ${NO_SUCH}
  colour: red
thresholds:
  cpu: {warning: 99%}
"""
    keys = [line.split(": ")[:2] for line in faults(tmp_path, text)]
    assert keys == [
        ["capmon.yaml:1", "interval"],
        ["capmon.yaml:3", "scaling.max"],
        ["capmon.yaml:4", "scaling.mode"],
        ["capmon.yaml:6", "app.url"],
        ["capmon.yaml:7", "app.colour"],
        ["capmon.yaml:9", "thresholds.cpu.warning"],
    ]


def test_a_value_that_cannot_be_read_contradicts_nothing(tmp_path: Path) -> None:
    """The default that stands in for a broken value gives no second fault."""
    text = "thresholds:\n  cpu: {warning: high, critical: 10%}"
    assert faults(tmp_path, text) == [
        "capmon.yaml:2: thresholds.cpu.warning: expected a share such as 70% or 0.7, got 'high'"
    ]


def test_faults_without_end_are_counted(tmp_path: Path) -> None:
    """A file of nothing but faults gives a list that a person can read."""
    text = "".join(f"key_{i}: 1\n" for i in range(MOST + 40))
    lines = faults(tmp_path, text)
    assert len(lines) == MOST + 1
    assert lines[-1] == "and 40 more faults"


def test_control_characters_never_reach_the_terminal(tmp_path: Path) -> None:
    """YAML can write an escape sequence in ASCII; a fault shows it as text."""
    for text in ('"\\e[31m": 1', 'interval: "\\e]0;x\\a"', 'app: {fields: {"\\e[2J": {path: x}}}'):
        (line,) = faults(tmp_path, text)
        assert line.isprintable()


def test_few_lines_cannot_stand_for_millions(tmp_path: Path) -> None:
    """Aliases of aliases are refused before they are expanded."""
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    (line,) = faults(tmp_path, "\n".join(rows))
    assert line == "capmon.yaml:5: more than 50000 values, aliases counted in full"


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 100_000])
def test_endless_nesting_is_refused(tmp_path: Path, text: str) -> None:
    """Depth is limited long before a stack overflows."""
    assert faults(tmp_path, text) == ["capmon.yaml:1: nested more than 32 levels deep"]


def test_faults_of_variables_and_flags_follow_those_of_the_file(tmp_path: Path) -> None:
    """Every layer is checked, and each fault names its own."""
    (tmp_path / "capmon.yaml").write_text("theme: ''\nscaling: {max: 4}")
    environ = {"CAPMON_INTERVAL": "soon", "CAPMON_APP__URI": "http://x", "CAPMON_SCALING__MIN": "5"}
    with pytest.raises(ConfigError) as caught:
        load(environ=environ, overrides={"app.interval": "1ms", "windw": "5m"}, cwd=tmp_path)
    assert caught.value.faults == [
        "capmon.yaml:1: theme: expected the name of a theme such as night, got ''",
        "CAPMON_APP__URI: no setting has this name; did you mean CAPMON_APP__URL?",
        "CAPMON_INTERVAL: interval: expected a duration such as 250ms, 30s or 5m, got 'soon'",
        "CAPMON_SCALING__MIN: scaling.min: expected at most 4, which is max, got 5",
        "--set windw: no setting has this name; did you mean window?",
        "--set app.interval: app.interval: expected 100ms or more, got 1ms",
    ]
