"""A store that hangs is down too: it takes connections and answers nobody, and whoever is to say so must not wait with it.

One that is stopped refuses at once. For one that hangs, Redis' exporter waits as long as it was told to, which has to be
less than a scrape has; PostgreSQL's waits without end, and the API speaks for it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from alerting.disturbances import RULES
from alerting.limits import (
    CHANNEL_INTERVAL,
    EVALUATION,
    FOR_ENDS,
    NOTIFY,
    SCRAPE,
    TIMEOUT,
    Term,
    limit,
)
from harness import rendering
from harness.eventually import Probe, eventually
from harness.expectations import is_firing, is_resolved

if TYPE_CHECKING:
    from alerting.injections import World
    from harness.clients.inbox import Inbox, Notifications
    from harness.faults import Faults
    from harness.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

STORES = {
    "postgres": ("DatabaseDown", "primary"),
    "postgres-replica": ("PostgresReplicaDown", "replica"),
    "redis": ("RedisDown", "cache"),
    "redis-broker": ("RedisDown", "broker"),
}
ALERTS = {alert for alert, _ in STORES.values()}
_ASKED = Term(7, "the API asks every store each 5 s, and gives it 2 s", compressed=False)


def about(inbox: Inbox, alert: str, role: str, *, since: float) -> Probe[Notifications]:
    """Ask what the channel in which everything is told was told of one store."""
    every = inbox.notifications(alert, receiver="slack-platform", since=since)
    return Probe(
        f"{alert} of the {role} at slack-platform",
        every.where,
        lambda: every.now().about(role),
    )


def test_every_store_that_hangs_is_told_of(stack: Stack, faults: Faults, world: World, inbox: Inbox) -> None:
    """All four at once, so that none is told of by another's account."""
    world.until_silent(*ALERTS)
    longest = Term(max(rendering.seconds_of(RULES[alert]) for alert in ALERTS), "the longest `for` of them")
    told = [about(inbox, alert, role, since=time.time()) for alert, role in STORES.values()]

    with faults.paused(*STORES):
        waits = (SCRAPE, TIMEOUT, _ASKED, EVALUATION, longest, FOR_ENDS, CHANNEL_INTERVAL, NOTIFY)
        fired_by = time.time() + limit(*waits, factor=stack.factor)
        for one in told:
            eventually(one, is_firing, within=max(0, fired_by - time.time()))

    ends = (SCRAPE, TIMEOUT, EVALUATION, CHANNEL_INTERVAL, NOTIFY)
    over_by = time.time() + limit(*ends, factor=stack.factor)
    for one in told:
        eventually(one, is_resolved, within=max(0, over_by - time.time()))
