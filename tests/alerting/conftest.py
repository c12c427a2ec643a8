"""What the tests of this folder share: the table of alerts, and two services that notify without the rest of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerting.injections import World
from harness.measurements import Measurements
from harness.plugin import ROOT
from harness.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.clients.saboteur import Saboteur
    from harness.faults import Faults

FACTOR = 60.0


@pytest.fixture(scope="session")
def alert_rows() -> Measurements:
    """The rows of build/alerts.json."""
    return Measurements(ROOT / "build" / "alerts.json")


@pytest.fixture(scope="module")
def notifiers() -> Iterator[Stack]:
    """The two services that notify, in compressed time, as docker-compose.yml has them; they start in seconds.

    A pair for each module: what one has told of an alert, Alertmanager remembers when another lets it fire.
    """
    pair = Stack.of_our_own(ROOT, factor=FACTOR)
    try:
        pair.start_only("alertmanager", "inbox")
        yield pair
    finally:
        pair.remove()


@pytest.fixture
def world(stack: Stack, faults: Faults, saboteur: Saboteur) -> Iterator[World]:
    """What injections get their hands on; what they began ends with the test."""
    made = World(stack, faults, saboteur, (stack.stores.tenant("retailx"),))
    with made.afterwards:
        yield made
