"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import functools
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "capmon"
FILES = sorted(PACKAGE.rglob("*.py"))
TEXTS = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".txt", ".cfg", ".tcss", ".css", ".prom", ".csv", ".html", ".svg", ".in", ""}  # fmt: skip

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 60
FORBIDDEN_WORDS = {"util", "utils", "helper", "helpers", "manager", "managers", "misc", "data"}
MAY_PRINT = ("cli.py",)
MAY_START_PROGRAMS = ("actions/run.py", "demo/process.py")


@functools.cache
def trees() -> dict[Path, ast.Module]:
    """The package's files, parsed once and only where they are looked at."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def named(path: Path) -> str:
    """A path inside the package."""
    return path.relative_to(PACKAGE).as_posix()


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions and methods, the nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = node.body[0]
    doc = ast.get_docstring(node) is not None
    inside = (first.end_lineno or first.lineno) - first.lineno + 1 if doc else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - inside


def test_there_is_something_to_check() -> None:
    """The list of files is not empty by mistake."""
    assert PACKAGE / "monitor" / "monitor.py" in FILES
    assert len(FILES) > 100


def test_a_file_opens_with_a_sentence() -> None:
    """Its docstring says what the one idea is."""
    firsts = {
        named(p): (ast.get_docstring(t) or "").partition("\n\n")[0] for p, t in trees().items()
    }
    assert [name for name, first in firsts.items() if not first.endswith((".", ":"))] == []


def test_a_file_is_short() -> None:
    """One that is longer holds two ideas."""
    lines = {named(p): len(p.read_text(encoding="utf-8").splitlines()) for p in FILES}
    assert {name: n for name, n in lines.items() if n > MOST_LINES} == {}


def test_a_function_is_short() -> None:
    """All do one thing; nearly all of them in less than fifty lines."""
    lengths = {f"{named(p)}:{f.name}": length(f) for p, t in trees().items() for f in functions(t)}
    assert {name: n for name, n in lengths.items() if n > MOST_LINES_OF_A_FUNCTION} == {}
    assert sum(n < 50 for n in lengths.values()) >= 0.95 * len(lengths)


def test_every_return_is_annotated() -> None:
    """Also of nested and private functions."""
    bare = [
        f"{named(p)}:{f.name}" for p, t in trees().items() for f in functions(t) if not f.returns
    ]
    assert bare == []


def test_names_say_what_a_module_is() -> None:
    """No drawer for odds and ends."""
    words = {named(p): set(re.split(r"[/_.]", named(p))) for p in FILES}
    assert {name: w & FORBIDDEN_WORDS for name, w in words.items() if w & FORBIDDEN_WORDS} == {}


def calls(tree: ast.AST) -> Iterator[str]:
    """Dotted names of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def imports(tree: ast.AST) -> Iterator[str]:
    """Modules that are imported, at any level of the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_standard_output_belongs_to_the_command_line() -> None:
    """Nothing else prints, where a screen may be drawn or a document piped."""
    printing = {named(p) for p, t in trees().items() if "print" in set(calls(t))}
    assert printing <= {*MAY_PRINT}


STARTS = re.compile(
    r"(?:subprocess|multiprocessing|pty)(?:\.|$)"
    r"|os\.(?:system|popen|exec|spawn|fork|posix_spawn)"
    r"|asyncio\.create_subprocess_"
)


def test_programs_are_started_in_two_places() -> None:
    """Where their argv, deadline and end are seen to: both are found, and no other is."""
    starting = {
        named(p) for p, t in trees().items() if any(map(STARTS.match, (*imports(t), *calls(t))))
    }
    assert starting == {*MAY_START_PROGRAMS}


def test_there_is_no_shell() -> None:
    """Not even where programs may be started."""
    called = {f"{named(p)}:{c}" for p, t in trees().items() for c in calls(t)}
    assert [c for c in called if c.endswith(("_shell", ":os.system", ":os.popen"))] == []
    keywords = [n for t in trees().values() for n in ast.walk(t) if isinstance(n, ast.keyword)]
    assert [k for k in keywords if k.arg == "shell"] == []


def test_no_text_is_run_as_code() -> None:
    """What comes from a file or a source stays data."""
    found = {named(p): CODE_RUN & set(calls(t)) for p, t in trees().items()}
    assert {name: names for name, names in found.items() if names} == {}
    loads = [
        n
        for t in trees().values()
        for n in ast.walk(t)
        if isinstance(n, ast.Call) and ast.unparse(n.func) == "yaml.load"
    ]
    assert [ast.unparse(n) for n in loads if "SAFE" not in ast.unparse(n).upper()] == []


CODE_RUN = frozenset({"eval", "exec", "compile", "__import__", "pickle.loads", "pickle.load"})

TIME = re.compile(r"time\.(?:time|monotonic|perf_counter)(?:_ns)?|datetime\.(?:now|utcnow|today)")


def test_the_clock_is_the_only_reader_of_time() -> None:
    """Below the screen time arrives as an argument; the demo is a program of its own."""
    found = {named(p): [c for c in calls(t) if TIME.fullmatch(c)] for p, t in trees().items()}
    free = ("clock.py", "demo/", "ui/")
    assert {name: c for name, c in found.items() if c and not name.startswith(free)} == {}


def test_layers_point_one_way() -> None:
    """The contracts in pyproject.toml hold."""
    found = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or shutil.which(
        "lint-imports"
    )
    if found is None:
        pytest.skip("import-linter is not installed")
    run = subprocess.run([found, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr


def shipped() -> Iterator[Path]:
    """Text files of the tree, without what tools leave behind."""
    for top in sorted(ROOT.iterdir()):
        dotted = top.name.startswith(".") and top.name not in (".github", ".gitignore")
        if dotted or top.name in ("dist", "build", "venv") or top.name.endswith(".egg-info"):
            continue
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            hidden = any(p == "__pycache__" or p.endswith("_cache") for p in path.parts)
            if path.is_file() and not hidden and path.suffix in TEXTS:
                yield path


HOMES = re.compile(
    r"/(?:home|Users)/(?!me\b|user\b|app\b|\w+/\.local)[a-z]\w*/|/ro"
    r"ot/\w|[A-Z]:\\Users\\|/wo"
    r"rk/|/tm"
    r"p/env\b"
)


def test_no_path_of_a_machine_is_in_the_tree() -> None:
    """Nothing tells where somebody has checked the project out."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in shipped()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if HOMES.search(line)
    ]
    assert found == []


def test_every_test_promises_something() -> None:
    """Each test of the tree has a docstring of its own."""
    silent = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_test_files_have_names_of_their_own() -> None:
    """Without packages in the tests folder, two of one name would hide each other."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]
    assert sorted(names) == sorted(set(names))


LIGHT = """
import sys
import capmon.cli, capmon.config.load, capmon.monitor.build, capmon.monitor.monitor
import capmon.snapshot, capmon.summary, capmon.headless
heavy = {"numpy", "scipy", "pandas", "plotext", "httpx", "jmespath", "zstandard", "prometheus_client", "textual", "psutil"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""


def test_the_heart_loads_nothing_heavy() -> None:
    """The first paint does not wait for the numeric libraries, nor headless use for the screen's."""
    run = subprocess.run([sys.executable, "-P", "-c", LIGHT], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stdout + run.stderr
