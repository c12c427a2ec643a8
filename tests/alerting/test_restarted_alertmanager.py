"""Alertmanager restarted: what a person silenced stays silent, nobody is told twice, and what was not told yet is told.

It keeps silences and what it has told on its volume, and the alerts themselves nowhere: Prometheus sends those again, every
minute. Here the test does.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from harness.eventually import consistently, eventually
from harness.expectations import has_length, is_empty, is_firing, is_resolved
from harness.faults import Faults

if TYPE_CHECKING:
    from harness.stack import Stack

_PATIENCE = 15.0


@pytest.fixture
def name() -> str:
    """An alert's that nobody used before."""
    return f"Restart{secrets.token_hex(4)}"


def send(notifiers: Stack, name: str, *, ended: bool = False) -> None:
    now = datetime.now(UTC)
    notifiers.stores.alertmanager.send(
        {
            "labels": {"alertname": name, "severity": "critical", "team": "platform"},
            "annotations": {"summary": "Something happened", "description": "1 > 0"},
            "startsAt": (now - timedelta(seconds=30)).isoformat(),
            "endsAt": (now if ended else now + timedelta(minutes=10)).isoformat(),
        }
    )


def test_a_silence_outlives_it(notifiers: Stack, name: str) -> None:
    alertmanager = notifiers.stores.alertmanager
    until = datetime.now(UTC) + timedelta(minutes=5)
    silence = alertmanager.silence(name, until=until.isoformat())

    Faults(notifiers).restart("alertmanager")
    send(notifiers, name)

    assert silence in alertmanager.silences().now()
    eventually(alertmanager.alerts(name), has_length(1), within=_PATIENCE)
    consistently(notifiers.stores.inbox.notifications(name), is_empty, during=3)
    send(notifiers, name, ended=True)


def test_who_was_told_is_not_told_again_and_has_the_all_clear(notifiers: Stack, name: str) -> None:
    told = notifiers.stores.inbox.notifications(name, receiver="pagerduty")
    send(notifiers, name)
    eventually(told, is_firing, within=_PATIENCE)

    Faults(notifiers).restart("alertmanager")
    send(notifiers, name)
    eventually(notifiers.stores.alertmanager.alerts(name), has_length(1), within=_PATIENCE)
    consistently(told, has_length(1), during=3)

    send(notifiers, name, ended=True)
    eventually(told, is_resolved, within=_PATIENCE)
    assert len({one.key for one in told.now()}) == 1


def test_what_could_not_be_told_before_is_told_after_it(notifiers: Stack, name: str) -> None:
    inbox = notifiers.stores.inbox
    told = inbox.notifications(name, receiver="pagerduty")
    inbox.let_fail("pagerduty", "503", times=1000)
    try:
        send(notifiers, name)
        eventually(inbox.notifications(name, receiver="slack-platform"), is_firing, within=_PATIENCE)
        Faults(notifiers).restart("alertmanager")
        assert not told.now()
    finally:
        inbox.forget_failures()
    send(notifiers, name)
    eventually(told, is_firing, within=_PATIENCE)
    send(notifiers, name, ended=True)
    eventually(told, is_resolved, within=_PATIENCE)
