"""The harness as a pytest plugin (`-p harness.plugin`): which stack to use, and what to say when a test fails."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest

from harness.eventually import onlookers
from harness.scenes import Explained, Scenes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from harness.stack import Stack

pytest.register_assert_rewrite("harness.expectations", "harness.clients", "harness.stack", "harness.canary")

ROOT = Path(__file__).resolve().parent.parent.parent
_TEST: pytest.StashKey[str] = pytest.StashKey()
_SCENES: pytest.StashKey[Scenes] = pytest.StashKey()
_NEEDS_PRIVATE = "faults"
# minutes each: only who asks for them has them, by `-m` as `make alerts` and `make quiet` do, or a single one by its name
_ON_REQUEST = ("every_alert", "quiet")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that choose a stack."""
    group = parser.getgroup("stack", "the stack under test")
    group.addoption(
        "--stack",
        choices=["private", "running"],
        default="private",
        help="private (default): start one for this run; running: use what `make up` runs, without tests that break things",
    )
    group.addoption(
        "--factor",
        type=float,
        default=30.0,
        help="divide every interval and wait of a private stack by this (default 30: a scrape each 500 ms)",
    )
    group.addoption(
        "--keep-stack", action="store_true", help="leave a private stack running; the next run sweeps it away"
    )
    group.addoption(
        "--write-rendered",
        action="store_true",
        help="write alertmanager/tests/rendered from what Alertmanager sends now; read the diff before committing it",
    )
    group.addoption(
        "--pause-on-failure",
        action="store_true",
        help="after a failed test wait for Enter, the stack running",
    )


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say how to have the same order again."""
    return _order(config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say it again where a log is read first: below what failed."""
    order = _order(config)
    if order and (terminalreporter.stats.get("failed") or terminalreporter.stats.get("error")):
        terminalreporter.write_line(order)


def _order(config: pytest.Config) -> str | None:
    seed = config.getoption("randomly_seed", None)
    return None if seed is None else f"tests in random order; the same again: make test SEED={seed}"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Refuse now what could not wait then."""
    if session.config.getoption("--pause-on-failure"):
        with _terminal(session.config):
            if not sys.stdin.isatty():
                raise pytest.UsageError(
                    "--pause-on-failure waits for Enter, and there is no terminal to press it at"
                )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a stack; leave out what would break somebody else's."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker("stack")
    by_name = any("::" in argument for argument in config.args)
    for name in _ON_REQUEST:
        if name not in config.getoption("-m") and not by_name:
            _leave_out(config, items, [item for item in items if item.get_closest_marker(name)])
    if config.getoption("--stack") == "running":
        breaking = [item for item in items if _NEEDS_PRIVATE in getattr(item, "fixturenames", ())]
        _leave_out(config, items, breaking)


def _leave_out(config: pytest.Config, items: list[pytest.Item], unwanted: list[pytest.Item]) -> None:
    config.hook.pytest_deselected(items=unwanted)
    items[:] = [item for item in items if item not in unwanted]


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The stack under test: one for the whole run, since a start costs more than most tests."""
    from harness.stack import Stack  # noqa: PLC0415 - runs without a stack need no Docker client

    config = request.config
    if config.getoption("--stack") == "running":
        chosen = Stack.running(ROOT)
        with _watched(config, chosen):
            yield chosen
        return
    chosen = Stack.of_our_own(ROOT, factor=config.getoption("--factor"))
    project = chosen.environment.project
    try:
        with _watched(config, chosen) as scenes:
            try:
                seconds = chosen.start()
            except Exception as failure:
                scenes.look(failure)  # soon there is nothing left to look at
                scenes.gone = True
                raise
            scenes.begin(scenes.test)
            _say(config, f"{project} is well after {seconds:.0f} s, time divided by {chosen.factor:g}")
            yield chosen
    finally:
        if config.getoption("--keep-stack"):
            shown = " ".join(chosen.environment.compose("ps"))
            _say(config, f"\nkept until the next run: {project}; its states and ports: {shown}")
        else:
            chosen.remove()


@pytest.fixture(scope="session")
def progress(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Tell whoever waits how far a long test has come, from any of its threads."""
    one_at_a_time = Lock()

    def tell(text: str) -> None:
        with one_at_a_time:
            _say(request.config, text)

    return tell


@contextmanager
def _watched(config: pytest.Config, stack: Stack) -> Iterator[Scenes]:
    config.stash[_SCENES] = scenes = Scenes(stack, ROOT / "diagnostics", config.stash[_TEST])
    onlookers.append(scenes.look)
    try:
        yield scenes
    finally:
        onlookers.remove(scenes.look)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put first what was seen, and around it."""
    report = yield
    scenes = item.config.stash.get(_SCENES, None)
    concerned = scenes is not None and "stack" in getattr(item, "fixturenames", ())
    if scenes and concerned and report.failed and call.excinfo:
        report.longrepr = Explained(scenes.of(call.excinfo.value), report.longrepr)
    return report


@pytest.hookimpl(trylast=True)  # pytest-timeout stops its clock first
def pytest_exception_interact(
    node: pytest.Item | pytest.Collector, report: pytest.CollectReport | pytest.TestReport
) -> None:
    """Wait for a person, if one wants to look around."""
    config = node.config
    explained = report.longrepr if isinstance(report.longrepr, Explained) else None
    if explained and config.getoption("--pause-on-failure") and not config.stash[_SCENES].gone:
        _say(config, f"\n{explained.first}")
        with _terminal(config):
            input("the stack is still running; Enter goes on ")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tell one test's traces and failures from another's."""
    item.config.stash[_TEST] = item.nodeid
    scenes = item.config.stash.get(_SCENES, None)
    if scenes is not None:
        scenes.begin(item.nodeid)


def _say(config: pytest.Config, text: str) -> None:
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter:
        with _terminal(config):
            reporter.write_line(text)


@contextmanager
def _terminal(config: pytest.Config) -> Iterator[None]:
    """Give back the terminal, its keyboard included, which pytest keeps from tests; `-s` left it alone."""
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    if capture:
        capture.suspend(in_=True)
    try:
        yield
    finally:
        if capture:
            capture.resume()
