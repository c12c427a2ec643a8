"""Who has been told and does nothing is told again, at the interval that the route says, and not sooner."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import yaml

from harness.durations import milliseconds
from harness.eventually import eventually
from harness.plugin import ROOT
from harness.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.clients.inbox import Notifications

_FACTOR = 1200.0  # an hour is three seconds
_ROUTE = yaml.safe_load((ROOT / "alertmanager" / "alertmanager.yml").read_text())["route"]
_PAGES = next(route for route in _ROUTE["routes"] if route["receiver"] == "pagerduty")


@pytest.fixture(scope="module")
def hurried() -> Iterator[Stack]:
    """The two services that notify, in time that goes quickly enough for hours."""
    pair = Stack.of_our_own(ROOT, factor=_FACTOR)
    try:
        pair.start_only("alertmanager", "inbox")
        yield pair
    finally:
        pair.remove()


def at_least(count: int) -> Callable[[Notifications], None]:
    def expect(notifications: Notifications) -> None:
        assert len(notifications) >= count, f"{len(notifications)} of {count}"

    return expect


def seconds(length: str) -> float:
    """A length of the configuration, in this pair's time."""
    return milliseconds(length) / 1000 / _FACTOR


@pytest.mark.parametrize(
    ("severity", "receiver", "repeat", "flush"),
    [
        ("critical", "pagerduty", _PAGES["repeat_interval"], _PAGES["group_interval"]),
        ("warning", "slack-platform", _ROUTE["repeat_interval"], _ROUTE["group_interval"]),
    ],
)
def test_it_is_told_again(hurried: Stack, severity: str, receiver: str, repeat: str, flush: str) -> None:
    name, now = f"Again{secrets.token_hex(4)}", datetime.now(UTC)
    alert = {
        "labels": {"alertname": name, "severity": severity, "team": "platform"},
        "annotations": {"summary": "Something happened", "description": "1 > 0"},
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(minutes=10)).isoformat(),
    }
    alertmanager = hurried.stores.alertmanager
    alertmanager.send(alert)
    told = eventually(
        hurried.stores.inbox.notifications(name, receiver=receiver),
        at_least(3),
        within=4 * seconds(repeat) + 10,
    )
    alertmanager.send({**alert, "endsAt": datetime.now(UTC).isoformat()})

    times = [one.received_at for one in told]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) >= seconds(repeat) - seconds(flush), gaps
    # the shortest: whatever else the machine does meanwhile only makes one longer
    assert min(gaps) <= seconds(repeat) + 2 * seconds(flush) + 2, gaps
