"""From Alertmanager to whoever is told: groups, silences, retries, repetitions, with the two services that notify and no others.

The inbox fails as a test asks it to; what Alertmanager makes of that is Alertmanager's own.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from harness.clients.http import Session
from harness.eventually import Probe, consistently, eventually
from harness.expectations import are_one_matter, are_steady, equals, has_length, is_firing, is_resolved
from harness.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.clients.inbox import Inbox
    from harness.stack import Stack

# Compressed by 60, the longest group_interval is 5 s; a retry comes after half a second, and then less often.
_NEXT_FLUSH = 40.0
_PATIENCE = 5.0  # of the dead man's switch: 5 min by 60
_START = 60.0  # and what a stack may take to start, which does not compress
_SILENT = "inbox_watchdog_silent"


@pytest.fixture
def inbox(notifiers: Stack) -> Iterator[Inbox]:
    """An inbox that works, before and after."""
    client = notifiers.stores.inbox
    client.forget_failures()
    yield client
    client.forget_failures()


@contextmanager
def firing(
    notifiers: Stack, severity: str = "critical", name: str = "", about: Sequence[Mapping[str, str]] = ({},)
) -> Iterator[str]:
    """Alerts of a name that nobody used before, one for each set of further labels; resolved in the end."""
    name = name or f"Delivery{secrets.token_hex(4)}"
    labels = {"alertname": name, "severity": severity, "team": "platform"}
    annotations = {"summary": "Something happened", "description": "1 > 0"}
    alerts = [{"labels": {**labels, **more}, "annotations": annotations} for more in about]
    now = datetime.now(UTC)
    times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(minutes=10)).isoformat()}
    alertmanager = notifiers.stores.alertmanager
    alertmanager.send(*({**alert, **times} for alert in alerts))
    try:
        yield name
    finally:
        alertmanager.send(*({**alert, "endsAt": datetime.now(UTC).isoformat()} for alert in alerts))


@pytest.mark.parametrize(
    ("severity", "receiver", "mode"),
    [
        ("critical", "pagerduty", "429"),
        ("critical", "pagerduty", "500"),
        ("critical", "pagerduty", "503"),
        ("critical", "pagerduty", "reset"),
        ("critical", "pagerduty", "slow"),
        ("warning", "slack-platform", "500"),
        ("warning", "slack-platform", "reset"),
        ("info", "info", "500"),
        ("info", "info", "reset"),
    ],
)
def test_a_notification_outlives_two_failures_and_arrives_once(
    notifiers: Stack, inbox: Inbox, severity: str, receiver: str, mode: str
) -> None:
    inbox.let_fail(receiver, mode, times=2)
    with firing(notifiers, severity) as name:
        arrived = inbox.notifications(name, receiver=receiver)
        eventually(arrived, has_length(1), within=_NEXT_FLUSH)
        assert all(one["receiver"] != receiver or mode == "slow" for one in inbox.failures())
    eventually(arrived, is_resolved, within=_NEXT_FLUSH)
    assert [one.status for one in arrived.now()] == ["firing", "resolved"]


@pytest.mark.parametrize("mode", ["400", "403", "404", "410", "429"])
def test_what_slack_refuses_is_told_again_at_the_next_interval(
    notifiers: Stack, inbox: Inbox, mode: str
) -> None:
    """Alertmanager retries no 4xx of Slack's, a 429 included; the group is flushed again, and nothing is lost."""
    inbox.let_fail("slack-platform", mode, times=1)
    with firing(notifiers, "warning") as name:
        eventually(inbox.notifications(name, receiver="slack-platform"), is_firing, within=_NEXT_FLUSH)


def test_two_instances_are_told_together(notifiers: Stack, inbox: Inbox) -> None:
    instances = ("instance-one", "instance-two")
    with firing(notifiers, about=[{"instance": instance} for instance in instances]) as name:
        pages = inbox.notifications(name, receiver="pagerduty")
        eventually(pages, are_one_matter(*instances), within=_NEXT_FLUSH)


@pytest.mark.parametrize("label", ["job", "role", "slo"])
def test_two_matters_are_two_pages(notifiers: Stack, inbox: Inbox, label: str) -> None:
    """Each is opened and closed for itself."""
    with firing(notifiers, about=[{label: "one"}, {label: "two"}]) as name:
        pages = inbox.notifications(name, receiver="pagerduty")
        told = eventually(pages, has_length(2), within=_NEXT_FLUSH)
    assert len({one.key for one in told}) == 2


def test_ten_customers_are_ten_matters_for_who_knows_them_and_one_for_the_platform(
    notifiers: Stack, inbox: Inbox
) -> None:
    """Both teams hear of it, each in the grain that it works in."""
    name = "SignalHealthDegraded"
    tenants = [{"tenant_id": f"tenant-{number}"} for number in range(10)]
    began = datetime.now(UTC).timestamp()
    with firing(notifiers, "warning", name, about=tenants):
        each = inbox.notifications(name, receiver="slack-customer-health", since=began)
        told = eventually(each, has_length(10), within=_NEXT_FLUSH)
        platform = inbox.notifications(name, receiver="slack-platform", since=began)
        eventually(platform, are_one_matter(*(one["tenant_id"] for one in tenants)), within=_NEXT_FLUSH)
    assert len({message.key for message in told}) == 10
    eventually(each, has_length(20), within=_NEXT_FLUSH)


def test_what_is_silenced_is_told_to_nobody(notifiers: Stack, inbox: Inbox) -> None:
    silenced = f"Silenced{secrets.token_hex(4)}"
    until = datetime.now(UTC) + timedelta(minutes=5)
    notifiers.stores.alertmanager.silence(silenced, until=until.isoformat())
    with firing(notifiers, name=silenced), firing(notifiers) as heard:
        eventually(inbox.notifications(heard, receiver="slack-platform"), is_firing, within=_NEXT_FLUSH)
        consistently(inbox.notifications(silenced), has_length(0), during=2)


def test_the_link_to_a_silence_opens_alertmanager(notifiers: Stack, inbox: Inbox) -> None:
    with firing(notifiers) as name:
        [page] = eventually(inbox.notifications(name, receiver="pagerduty"), is_firing, within=_NEXT_FLUSH)
    [link] = [one["href"] for one in page.payload["links"] if one["text"] == "Silence"]
    assert Session().get(link).status_code == 200
    assert unquote(link).endswith(f'/#/silences/new?filter={{alertname="{name}"}}')


def test_the_watchdog_is_told_at_every_interval(notifiers: Stack, inbox: Inbox) -> None:
    """None is skipped for coming a moment too early."""
    began = datetime.now(UTC).timestamp()
    with firing(notifiers, "none", "Watchdog"):
        heard = inbox.notifications("Watchdog", receiver="watchdog", since=began)
        eventually(heard, are_steady(every=1.0), within=20.0)


@pytest.mark.slow
def test_the_silence_of_the_watchdog_is_an_incident_and_its_return_the_end_of_it(
    notifiers: Stack, inbox: Inbox
) -> None:
    faults = Faults(notifiers)
    began = datetime.now(UTC).timestamp()
    with firing(notifiers, "none", "Watchdog"):
        # a heartbeat of this test's own: one that an earlier test left may be followed by a silence that is known already
        heard = inbox.notifications("Watchdog", receiver="watchdog", since=began)
        eventually(heard, is_firing, within=_NEXT_FLUSH)
        silent = Probe("silence of the Watchdog", inbox.address, lambda: inbox.metric(_SILENT))
        eventually(silent, equals(0), within=_NEXT_FLUSH)  # an earlier one's end is told first
        told = inbox.notifications(
            "Watchdog", receiver="dead-mans-switch", since=datetime.now(UTC).timestamp()
        )
        with faults.stopped("alertmanager"):
            raised = eventually(told, is_firing, within=_START + 2 * _PATIENCE)
            assert silent.now() == 1
            consistently(told, has_length(1), during=2)
        # it starts without alerts; Prometheus would send this one again
        with firing(notifiers, "none", "Watchdog"):
            eventually(told, is_resolved, within=_NEXT_FLUSH)
    assert "no alert reaches anyone" in raised[0].summary
    assert silent.now() == 0
