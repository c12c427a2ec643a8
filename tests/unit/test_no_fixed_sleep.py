"""Nothing waits a fixed time: it is too short on a busy machine, and wasted on an idle one.

A test waits with `eventually` and `consistently`, whose clock is the one place that sleeps.
Elsewhere a pause between two looks (a sleep in a `while`) and a length that somebody asked for are no fixed waits.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from launcher.environment import ROOT

TESTS = ("tests", "loadtests")  # no sleep at all
PROGRAMS = ("launcher", "sample_app", "inbox", "errors", "grafana")  # no sleep of a fixed length
THE_CLOCK = Path("tests/harness/eventually.py")

_SLEEPERS = {"time", "asyncio", "anyio", "trio", "gevent"}
_ANY_OWNER = {"wait_for_timeout"}  # a browser test's way to sleep
_SHELL_FILES = {".sh", ".yml", ".yaml", ".Dockerfile", ".toml", ".conf"}
_SHELL_NAMES = {"Dockerfile", "Makefile", "run"}
_SHELL = re.compile(r"""\bsleep["',]*\s+["']?(?:\d|\$)""")
_NOT_OURS = {".git", ".venv", "build", "diagnostics", "node_modules", "secrets"}


def sleeps(source: str, *, any_length: bool) -> list[str]:
    """Find the sleeps of a Python text, by line."""
    tree = ast.parse(source)
    names = _imported(tree)
    looked_between = {
        id(inner) for loop in ast.walk(tree) if isinstance(loop, ast.While) for inner in ast.walk(loop)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _sleeps(node.func, names):
            fixed = bool(node.args) and _is_fixed(node.args[0]) and id(node) not in looked_between
            if any_length or fixed:
                found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found + [f"{line}: {text}" for line, text in shell_sleeps(source)]


def shell_sleeps(text: str) -> list[tuple[int, str]]:
    """Find the commands that sleep, in a script, a healthcheck or a command's list of words."""
    lines = enumerate(text.splitlines(), 1)
    return [(number, line.strip()) for number, line in lines if _SHELL.search(line.split(" #")[0])]


def _imported(tree: ast.AST) -> dict[str, str]:
    """What the modules that can sleep, and their `sleep`, are called here."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {one.asname or one.name: one.name for one in node.names if one.name in _SLEEPERS}
        elif isinstance(node, ast.ImportFrom) and node.module in _SLEEPERS:
            names |= {one.asname or one.name: "sleep" for one in node.names if one.name == "sleep"}
    return names


def _sleeps(called: ast.expr, names: dict[str, str]) -> bool:
    if isinstance(called, ast.Name):
        return names.get(called.id) == "sleep"
    if not isinstance(called, ast.Attribute):
        return False
    of_module = isinstance(called.value, ast.Name) and names.get(called.value.id) in _SLEEPERS
    return called.attr in _ANY_OWNER or (called.attr == "sleep" and of_module)


def _is_fixed(length: ast.expr) -> bool:
    """Whether a length is made of numbers and CONSTANTS only."""
    named = [node.id for node in ast.walk(length) if isinstance(node, ast.Name)]
    return all(name == name.upper() for name in named) and not any(
        isinstance(node, ast.Attribute | ast.Call | ast.Subscript) for node in ast.walk(length)
    )


def files(root: Path, *folders: str) -> list[Path]:
    """Every file below these folders that is ours."""
    return [
        path.relative_to(root)
        for folder in folders
        for path in sorted((root / folder).rglob("*"))
        if path.is_file() and not _NOT_OURS & set(path.relative_to(root).parts)
    ]


def found_below(root: Path) -> list[str]:
    """Name every fixed sleep of a tree."""
    said = []
    for folders, any_length in ((TESTS, True), (PROGRAMS, False)):
        for path in files(root, *folders):
            if path.suffix == ".py" and path not in {THE_CLOCK, Path(__file__).relative_to(ROOT)}:
                text = (root / path).read_text(encoding="utf-8")
                said += [f"{path}:{one}" for one in sleeps(text, any_length=any_length)]
    for path in files(root, "."):
        if path.suffix in _SHELL_FILES or path.name in _SHELL_NAMES:
            lines = shell_sleeps((root / path).read_text(encoding="utf-8"))
            said += [f"{path}:{number}: {line}" for number, line in lines]
    return said


def test_nothing_sleeps_for_a_fixed_time() -> None:
    assert found_below(ROOT) == []


@pytest.mark.parametrize(
    "line",
    [
        "import time\ntime.sleep(5)",
        "import time\nwhile not done():\n    time.sleep(seconds)",
        "from time import sleep\nsleep(0.1)",
        "from time import sleep as nap\nnap(LONG)",
        "import asyncio as aio\nasync def f():\n    await aio.sleep(1)",
        "import gevent\ngevent.sleep(1)",
        "page.wait_for_timeout(500)",
        'run(["sleep", "5"])',
        'run("sleep 5 && pg_isready")',
    ],
)
def test_a_sleep_in_a_test_is_found(line: str) -> None:
    assert len(sleeps(line, any_length=True)) == 1


@pytest.mark.parametrize("length", ["5", "_PAUSE", "2 * PAUSE", "-(-1)"])
def test_a_fixed_sleep_in_a_program_is_found(length: str) -> None:
    assert sleeps(f"import time\nif slow:\n    time.sleep({length})", any_length=False)


@pytest.mark.parametrize(
    "text",
    [
        "import time\nwhile not ready():\n    time.sleep(0.2)",
        "import time\ntime.sleep(idle)",
        "import asyncio\nasync def f(fault):\n    await asyncio.sleep(fault.seconds)",
        "clock.sleep(1)",
        'query("SELECT pg_sleep(5)")',
    ],
)
def test_a_look_every_so_often_and_a_wish_are_no_fixed_sleep(text: str) -> None:
    assert sleeps(text, any_length=False) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("tests/signals/test_x.py", "import time\n\ndef test_x() -> None:\n    time.sleep(2)\n"),
        ("loadtests/locustfile.py", "from gevent import sleep\nsleep(pause)\n"),
        ("sample_app/src/sample_app/worker.py", "import time\ntime.sleep(1)\n"),
        ("docker-compose.yml", 'test: [CMD-SHELL, "sleep 1; redis-cli ping"]\n'),
        ("postgres/image/entrypoint.sh", "sleep $DELAY\n"),
        (".ci/run", "make up && sleep 30\n"),
    ],
)
def test_one_that_was_planted_in_the_tree_is_found(file: str, text: str, tmp_path: Path) -> None:
    planted = tmp_path / file
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(text)
    (said,) = found_below(tmp_path)
    assert said.startswith(file)
