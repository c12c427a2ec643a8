"""Which tests a run gets, in which order, what stands first in the report of one that failed, and what is left running."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from harness import diagnostics, plugin
from harness.compose import ComposeFailed
from harness.eventually import NotYet, Probe, eventually
from harness.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def plugins_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load what a run names and no more; the others take their time."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


CONFTEST = """
import pytest

@pytest.fixture
def faults(stack): ...

@pytest.fixture
def acme(stack): ...
"""
TESTS = """
def test_reads(acme): ...
def test_breaks(faults): ...
def test_alone(): ...
"""


@pytest.fixture
def collected(pytester: pytest.Pytester) -> pytest.Pytester:
    """A small suite that loads the plugin."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    pytester.makeini(
        "[pytest]\nmarkers = stack: needs one\naddopts = -p no:randomly -p harness.plugin --collect-only -q"
    )
    return pytester


def test_a_private_stack_gets_every_test(collected: pytest.Pytester) -> None:
    outcome = collected.runpytest_inprocess()
    outcome.stdout.fnmatch_lines(["*test_reads", "*test_breaks", "*test_alone"])


def test_somebody_elses_stack_is_not_broken(collected: pytest.Pytester) -> None:
    outcome = collected.runpytest_inprocess("--stack=running")
    outcome.stdout.fnmatch_lines(["*test_reads", "*test_alone", "*1 deselected*"])
    outcome.stdout.no_fnmatch_line("*test_breaks")


def test_what_needs_a_stack_is_marked(collected: pytest.Pytester) -> None:
    outcome = collected.runpytest_inprocess("-m", "not stack")
    outcome.stdout.fnmatch_lines(["*test_alone", "*2 deselected*"])
    outcome.stdout.no_fnmatch_line("*test_reads")


def test_what_takes_minutes_is_left_to_whoever_asks_for_it(pytester: pytest.Pytester) -> None:
    """By a marker, or by its own name, as a mutant names the test that must notice."""
    pytester.makeini("[pytest]\nmarkers = quiet: ten minutes\naddopts = -p harness.plugin --collect-only -q")
    path = pytester.makepyfile(
        "import pytest\n@pytest.mark.quiet\ndef test_long(): ...\ndef test_short(): ..."
    )

    pytester.runpytest_inprocess().stdout.fnmatch_lines(["*test_short", "*1 deselected*"])
    pytester.runpytest_inprocess("-m", "quiet").stdout.fnmatch_lines(["*test_long", "*1 deselected*"])
    pytester.runpytest_inprocess(f"{path}::test_long").stdout.fnmatch_lines(
        ["*test_long", "1 test collected*"]
    )


def test_without_a_running_stack_the_option_says_what_to_do(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_runs(_root: object) -> Stack:
        raise ComposeFailed("project stratum does not run: start it with `make up`")

    monkeypatch.setattr(Stack, "running", none_runs)
    pytester.makepyfile("def test_reads(stack): ...")
    pytester.makeini(INI)
    outcome = pytester.runpytest_inprocess("--stack=running")
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines(["*start it with `make up`*"])


INI = "[pytest]\nmarkers = stack: needs one\naddopts = -p no:randomly -p harness.plugin"
WAITS = """
from harness.eventually import NotYet, Probe, eventually

def nothing():
    raise NotYet("404")

def test_waits(stack):
    try:
        eventually(Probe("trace 1", "http://there", nothing), within=0)
    finally:
        stack.broken = False

def test_after(stack): ...
"""


class Double:
    """What stands for a private stack: broken, until somebody heals or removes it."""

    def __init__(self, *, starts: bool = True) -> None:
        self.environment = SimpleNamespace(project="stratum-test-1", compose=lambda word: ["docker", word])
        self.factor, self.sent, self.broken, self.removed, self.starts = 60.0, [], True, False, starts

    def start(self) -> float:
        """Start, or do not."""

        def nothing() -> None:
            raise NotYet("api starting")

        if not self.starts:
            eventually(Probe("containers", "docker ps", nothing), within=0)
        return 1.0

    def remove(self) -> None:
        """Go."""
        self.removed, self.broken = True, False


@pytest.fixture
def double(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Double:
    """A suite with a test that waits in vain, on a double whose report says in what state it was found."""
    one = Double()

    def collect(stack: Double, failure: diagnostics.Failure, *, folder: object) -> str:  # noqa: ARG001
        return f"seen {failure.test}: {'as it was' if stack.broken else 'too late'}"

    monkeypatch.setattr(Stack, "of_our_own", lambda *_, **__: one)
    monkeypatch.setattr(diagnostics, "collect", collect)
    pytester.makepyfile(WAITS)
    pytester.makeini(INI)
    return one


def test_the_report_begins_with_what_was_seen_before_anything_was_healed(
    double: Double, pytester: pytest.Pytester
) -> None:
    outcome = pytester.runpytest_inprocess()
    outcome.assert_outcomes(passed=1, failed=1)
    outcome.stdout.fnmatch_lines(
        ["___* test_waits *___", "seen *test_waits: as it was", "*trace 1: gave up*"]
    )
    assert double.removed


def test_a_start_that_failed_is_seen_before_the_stack_is_removed(
    double: Double, pytester: pytest.Pytester
) -> None:
    double.starts = False
    outcome = pytester.runpytest_inprocess()
    outcome.assert_outcomes(errors=2)
    assert len([line for line in outcome.outlines if line.endswith("test_waits: as it was")]) == 2
    assert double.removed


def test_a_kept_stack_is_not_removed_and_said_to_be_there(double: Double, pytester: pytest.Pytester) -> None:
    outcome = pytester.runpytest_inprocess("--keep-stack")
    outcome.stdout.fnmatch_lines(["kept until the next run: stratum-test-1; *docker ps"])
    assert not double.removed


def test_somebody_elses_stack_is_neither_started_nor_removed(
    double: Double, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    double.starts = False
    monkeypatch.setattr(Stack, "running", lambda _root: double)
    outcome = pytester.runpytest_inprocess("--stack=running")
    outcome.assert_outcomes(passed=1, failed=1)
    outcome.stdout.fnmatch_lines(["seen *test_waits: as it was"])
    assert not double.removed


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch, double: Double) -> list[bool]:
    """A terminal at which somebody presses Enter; whether the stack was there each time."""
    pressed: list[bool] = []

    @contextmanager
    def terminal(_config: pytest.Config) -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
            yield

    def wait(_prompt: str) -> str:
        pressed.append(not double.removed)
        return ""

    monkeypatch.setattr(plugin, "_terminal", terminal)
    monkeypatch.setattr("builtins.input", wait)
    return pressed


def test_a_failure_pauses_while_the_stack_runs(keyboard: list[bool], pytester: pytest.Pytester) -> None:
    pytester.runpytest_inprocess("--pause-on-failure").assert_outcomes(passed=1, failed=1)
    assert keyboard == [True]


def test_nobody_is_asked_to_look_at_a_stack_that_did_not_start(
    keyboard: list[bool], double: Double, pytester: pytest.Pytester
) -> None:
    double.starts = False
    pytester.runpytest_inprocess("--pause-on-failure").assert_outcomes(errors=2)
    assert keyboard == []


def test_a_pause_without_a_terminal_is_refused_before_anything_starts(
    double: Double, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_terminal(_config: pytest.Config) -> AbstractContextManager[None]:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
        return nullcontext()

    monkeypatch.setattr(plugin, "_terminal", no_terminal)
    outcome = pytester.runpytest_inprocess("--pause-on-failure")
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    assert double.broken
    assert not double.removed


ORDERED = """
import pytest

@pytest.fixture(scope="module", params=["a", "b", "c"])
def outage(request):
    print(f"SETUP-{request.param}")
    return request.param

def test_1(outage): ...
def test_2(outage): ...
def test_3(outage): ...
def test_4(): ...
def test_5(): ...
"""


def _run_in_order(pytester: pytest.Pytester, seed: int) -> Any:  # noqa: ANN401 - pytest's own result
    return pytester.runpytest_inprocess("-v", "-s", "-p", "pytest_randomly", f"--randomly-seed={seed}")


@pytest.fixture
def shuffled(pytester: pytest.Pytester) -> pytest.Pytester:
    """Two modules with a fixture that is made once for each of its three values."""
    pytester.makepyfile(test_one=ORDERED, test_two=ORDERED)
    pytester.makeini("[pytest]\naddopts = -p harness.plugin")
    return pytester


def test_an_order_can_be_had_again_and_what_a_module_shares_is_made_once(shuffled: pytest.Pytester) -> None:
    first, again, other = (_run_in_order(shuffled, seed) for seed in (1, 1, 2))
    orders = [
        re.findall(r"^(test_\w+\.py::\S+)", str(run.stdout), re.MULTILINE) for run in (first, again, other)
    ]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])
    for run in (first, other):
        run.assert_outcomes(passed=22)
        assert str(run.stdout).count("SETUP-") == 6


def test_the_seed_is_in_the_head_of_a_run_and_below_what_failed(shuffled: pytest.Pytester) -> None:
    words = "tests in random order; the same again: make test SEED=7"
    assert str(_run_in_order(shuffled, 7).stdout).count(words) == 1
    shuffled.makepyfile(test_three="def test_bad(): assert False")
    assert str(_run_in_order(shuffled, 7).stdout).count(words) == 2
