"""What the tests of this folder share: the table of losses, written as build/loss.json and printed in the end."""

from __future__ import annotations

import pytest

from harness.loss import table
from harness.measurements import Measurements
from harness.plugin import ROOT

_LOSSES: pytest.StashKey[Measurements] = pytest.StashKey()


@pytest.fixture(scope="session")
def losses(pytestconfig: pytest.Config) -> Measurements:
    """The rows of build/loss.json."""
    pytestconfig.stash[_LOSSES] = measurements = Measurements(ROOT / "build" / "loss.json")
    return measurements


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was lost."""
    losses = config.stash.get(_LOSSES, None)
    if losses is not None and losses.rows:
        terminalreporter.section("losses")
        for line in table(losses.rows):
            terminalreporter.write_line(line)
