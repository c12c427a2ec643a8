"""What the tests of this folder share: the table of losses, written as build/loss.json and printed in the end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from harness.loss import table
from harness.measurements import Measurements
from harness.plugin import ROOT
from harness.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.clients.api import Api
    from harness.stack import Stack

AUTOMATION = "/api/v1/automations/1001"

_LOSSES: pytest.StashKey[Measurements] = pytest.StashKey()


@pytest.fixture(scope="session")
def anybody(stack: Stack) -> Iterator[Api]:
    """A tenant to whose thousands of requests no failure report listens."""
    api = stack.stores.tenant("acme")
    yield api
    api.http.close()


@pytest.fixture(scope="session")
def executing(anybody: Api) -> Callable[[float], Traffic]:
    """Traffic of automations that are run: a row, a task, a line and spans of two services each."""
    return partial(Traffic, lambda parent: anybody.send("POST", f"{AUTOMATION}/execute", parent=parent))


@pytest.fixture(scope="session")
def reading(anybody: Api) -> Callable[[float], Traffic]:
    """Traffic of one execution that is read: a line and the spans of the API each, and little work."""
    path = f"{AUTOMATION}/executions/{anybody.execute(1001).execution_id}"
    return partial(Traffic, lambda parent: anybody.send("GET", path, parent=parent))


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
