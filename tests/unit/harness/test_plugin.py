"""Which tests a run gets, and what stands in the report of one that failed."""

import pytest

pytest_plugins = ["pytester"]

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
