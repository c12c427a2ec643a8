"""A stack that starts says nothing: not from empty volumes, and not in the morning after it was stopped.

In uncompressed time, since a start takes as long as it takes: compressed, a `for` would be over before it is.
"""

from __future__ import annotations

import time

import pytest

from alerting.disturbances import disturbances_within
from harness.eventually import eventually
from harness.expectations import is_not_empty
from harness.plugin import ROOT
from harness.settling import settle
from harness.stack import Stack

pytestmark = [pytest.mark.quiet, pytest.mark.timeout(600)]

# after a start, somebody would have heard of what was wrong at its beginning: a page waits for a minute
WATCHED = 75.0


def test_a_first_start_and_one_in_the_morning_disturb_nobody() -> None:
    stack = Stack.of_our_own(ROOT, factor=1.0)
    try:
        assert disturbances_of_a_start(stack) == [], "with empty volumes"
        stack.compose.stop(down=False)
        assert disturbances_of_a_start(stack) == [], "with the volumes of yesterday"
    finally:
        stack.remove()


def disturbances_of_a_start(stack: Stack) -> list[str]:
    """Start it, give everybody the time to say a word, and name the words."""
    began = time.time()
    stack.start()
    settle(stack.stores.prometheus)
    eventually(stack.stores.inbox.notifications("Watchdog", since=began), is_not_empty, within=60)
    return disturbances_within(stack, WATCHED, since=began, grace=1.0)
