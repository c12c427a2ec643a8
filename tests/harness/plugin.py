"""The harness as a pytest plugin (`-p harness.plugin`): which stack to use, and what to say when a test fails."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from harness.stack import Stack

pytest.register_assert_rewrite("harness.expectations", "harness.clients", "harness.stack", "harness.canary")

ROOT = Path(__file__).resolve().parent.parent.parent
_STACK: pytest.StashKey[Stack] = pytest.StashKey()
_EPITAPH: pytest.StashKey[str] = pytest.StashKey()
_NEEDS_PRIVATE = "faults"


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
        default=60.0,
        help="divide every interval and wait of a private stack by this (default 60: a scrape each 250 ms)",
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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a stack; leave out what would break somebody else's."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker("stack")
    if config.getoption("--stack") == "running":
        breaking = [item for item in items if _NEEDS_PRIVATE in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=breaking)
        items[:] = [item for item in items if item not in breaking]


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The stack under test: one for the whole run, since a start costs more than most tests."""
    from harness.stack import Stack  # noqa: PLC0415 - runs without a stack need no Docker client

    config = request.config
    if config.getoption("--stack") == "running":
        config.stash[_STACK] = chosen = Stack.running(ROOT)
        yield chosen
        return
    config.stash[_STACK] = chosen = Stack.of_our_own(ROOT, factor=config.getoption("--factor"))
    try:
        try:
            seconds = chosen.start()
        except Exception as failure:
            config.stash[_EPITAPH] = _diagnose(
                chosen, "start", failure
            )  # soon there is nothing left to look at
            raise
        _say(
            config,
            f"{chosen.environment.project} is well after {seconds:.0f} s, time divided by {chosen.factor:g}",
        )
        yield chosen
    finally:
        if config.getoption("--keep-stack"):
            _say(config, f"kept: {' '.join(chosen.environment.compose('ps'))}")
        else:
            chosen.remove()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what explains a failure, before anything is torn down."""
    report = yield
    stack = item.config.stash.get(_STACK, None)
    if report.failed and stack is not None and "stack" in getattr(item, "fixturenames", ()):
        epitaph = item.config.stash.get(_EPITAPH, "")
        section = epitaph or _diagnose(stack, item.nodeid, call.excinfo.value if call.excinfo else None)
        report.sections.append(("what was seen", section))
        if item.config.getoption("--pause-on-failure"):
            _pause(item.config, section)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin each test with no traces of its own."""
    stack = item.config.stash.get(_STACK, None)
    if stack is not None:
        stack.sent.clear()


def _diagnose(stack: Stack, test: str, failure: BaseException | None) -> str:
    from harness import diagnostics  # noqa: PLC0415 - as above

    return diagnostics.collect(stack, test, seen=str(failure or ""), folder=ROOT / "diagnostics")


def _say(config: pytest.Config, text: str) -> None:
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter:
        reporter.write_line(text)


def _pause(config: pytest.Config, section: str) -> None:
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled():
        _say(config, f"\n{section}")
        input("the stack is still running; Enter goes on ")
