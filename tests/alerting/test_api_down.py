"""APIDown, whole: from an API that really stops to the page, and from its return to the all-clear."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from alerting.alert_row import AlertRow
from alerting.limits import CHANNEL_INTERVAL, FIRES, PAGER_INTERVAL, RESOLVES, limit
from harness import rendering
from harness.clients.http import Session
from harness.eventually import consistently, eventually
from harness.expectations import has_length, is_empty, is_firing, is_quiet, is_resolved
from harness.plugin import ROOT
from harness.timeline import Timeline

if TYPE_CHECKING:
    from harness.clients.inbox import Inbox, Notification, Notifications
    from harness.clients.prometheus import Prometheus
    from harness.faults import Fault, Faults
    from harness.measurements import Measurements
    from harness.stack import Stack
    from harness.timeline import Timelines

ALERT = "APIDown"
SYMPTOM = 'up{job="stratum-api"} == 0 or absent(up{job="stratum-api"})'
_PATIENCE = 20.0  # beyond the limits, which one test judges: the others ask what came, not when
RECEIVERS = ("pagerduty", "slack-platform")


@dataclass(frozen=True)
class Outage:
    """An API that was away and came back: what arrived, and when."""

    stop: Fault
    page: Notification
    all_clear: Notification
    delivered: dict[str, Notifications]
    timeline: Timeline

    @property
    def detected_after(self) -> float:
        """Seconds from the order to stop to the page: somewhere in between the last scrape was answered."""
        return self.page.received_at - self.stop.at

    @property
    def resolved_after(self) -> float:
        """Seconds from the start to the all-clear."""
        return self.all_clear.received_at - self.stop.healed_at


@pytest.fixture(scope="module")
def limits(stack: Stack) -> dict[str, float]:
    """Seconds, in this stack's time."""
    return {
        "fires": limit(*FIRES[ALERT], PAGER_INTERVAL, factor=stack.factor),
        "resolves": limit(*RESOLVES[ALERT], factor=stack.factor),
        "channel fires": limit(*FIRES[ALERT], CHANNEL_INTERVAL, factor=stack.factor),
        "channel resolves": limit(*RESOLVES[ALERT], CHANNEL_INTERVAL, factor=stack.factor),
    }


@pytest.fixture(scope="module")
def silence(stack: Stack, inbox: Inbox, limits: dict[str, float]) -> None:
    """Wait until nothing is left of an earlier alert.

    In compressed time a start takes longer than `for`, so the API was "down" once already. A receiver that was told so
    and has not yet had the all-clear would rightly not be told again.
    """
    patience = limits["channel resolves"]
    eventually(stack.stores.prometheus.samples(f'ALERTS{{alertname="{ALERT}"}}'), is_empty, within=patience)
    eventually(stack.stores.alertmanager.alerts(ALERT), is_empty, within=patience)
    for receiver in RECEIVERS:
        eventually(inbox.notifications(ALERT, receiver=receiver), is_quiet, within=patience)


@pytest.fixture(scope="module")
def outage(
    *,
    silence: None,  # noqa: ARG001
    faults: Faults,
    inbox: Inbox,
    prometheus: Prometheus,
    limits: dict[str, float],
    timelines: Timelines,
) -> Outage:
    """Stop the API, wait for the page, start it again, wait for the all-clear; then listen a while longer."""
    began = time.time()
    page = inbox.notifications(ALERT, receiver="pagerduty", since=began)
    channel = inbox.notifications(ALERT, receiver="slack-platform", since=began)
    with faults.stopped("api") as (stop,):
        paged = eventually(page, is_firing, within=limits["fires"] + _PATIENCE)
        eventually(channel, is_firing, within=limits["channel fires"])
        consistently(page, has_length(1), during=3)
    cleared = eventually(page, is_resolved, within=limits["resolves"] + _PATIENCE)
    eventually(channel, is_resolved, within=limits["channel resolves"])
    delivered = {
        "pagerduty": consistently(page, has_length(2), during=3),
        "slack-platform": channel.now(),
    }
    timeline = Timeline(f"{ALERT}, {stop}")
    timeline.fault(stop)
    timeline.alert(ALERT, prometheus, symptom=SYMPTOM, until=cleared[-1].received_at)
    timeline.notified(delivered["pagerduty"])
    timelines.keep(timeline)
    return Outage(stop, paged[0], cleared[-1], delivered, timeline)


@pytest.mark.smoke
def test_the_rules_that_run_are_the_committed_ones(stack: Stack, prometheus: Prometheus) -> None:
    """Multiplied back by the factor, every loaded rule says what its file says."""
    assert rendering.differences(ROOT, prometheus, factor=stack.factor) == []


@pytest.mark.smoke
def test_a_stopped_api_pages_once_and_resolves_once(outage: Outage) -> None:
    """One page and one all-clear, under one key, so that PagerDuty closes what it opened."""
    assert [one.status for one in outage.delivered["pagerduty"]] == ["firing", "resolved"]
    assert len({one.key for one in outage.delivered["pagerduty"]}) == 1


@pytest.mark.smoke
def test_the_channel_hears_of_it_too(outage: Outage) -> None:
    """A page is also told where the team talks, as often."""
    assert [one.status for one in outage.delivered["slack-platform"]] == ["firing", "resolved"]


@pytest.mark.smoke
def test_nobody_else_is_told(outage: Outage, inbox: Inbox) -> None:
    """No other receiver has a word of it."""
    everyone = inbox.notifications(ALERT, since=outage.stop.at).now()
    assert {one.receiver for one in everyone} == set(RECEIVERS)


@pytest.mark.smoke
def test_the_page_says_what_where_and_how_bad(outage: Outage) -> None:
    """PagerDuty shows a person's sentence, the severity, and the component."""
    payload = outage.page.payload["payload"]
    assert payload["severity"] == "critical"
    assert payload["component"] == "stratum-api"
    assert payload["summary"].strip()
    assert payload["custom_details"]["alertname"] == ALERT
    assert "links" not in json.dumps(payload["custom_details"].get("firing", "")), (
        "a helper label reached a person"
    )


@pytest.mark.smoke
@pytest.mark.parametrize("link", ["runbook", "dashboard"])
def test_the_links_of_the_page_lead_somewhere(link: str, outage: Outage) -> None:
    """Each answers 200 in the stack as it was started, speaks of this alert, and could ask whom it had to ask."""
    answer = Session().get(outage.page.links[link])
    assert answer.status_code == 200
    assert ALERT in answer.text
    assert "cannot be asked" not in answer.text


@pytest.mark.smoke
def test_every_stage_is_seen_and_none_before_its_cause(outage: Outage) -> None:
    """Fault, symptom, pending, firing, page; healed, all-clear."""
    assert outage.timeline.missing() == []
    assert outage.timeline.disorder() == []


@pytest.mark.smoke
def test_it_is_detected_and_resolved_in_time(
    outage: Outage, limits: dict[str, float], stack: Stack, alert_rows: Measurements
) -> None:
    """Within the limits that the configuration itself implies."""
    row = AlertRow(
        what=ALERT,
        measured=outage.detected_after,
        limit=limits["fires"] + outage.stop.seconds,  # it went down in its own time
        unit="s",
        fault="the API's container is stopped",
        factor=stack.factor,
        resolved_after=outage.resolved_after,
        receivers=tuple(outage.delivered),
    )
    assert alert_rows.add(row) == "holds", row
    assert outage.resolved_after <= limits["resolves"]
