"""What comes and goes: a symptom that pauses is one incident, and a restarted Prometheus forgets no waiting and no alert."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from alerting.disturbances import RULES
from alerting.injections import INJECTIONS
from alerting.limits import CHANNEL_INTERVAL, EVALUATION, FOR_ENDS, NOTIFY, SCRAPE, Term, limit
from harness.durations import milliseconds
from harness.eventually import Probe, eventually
from harness.expectations import (
    at_least,
    has_length,
    is_empty,
    is_firing,
    is_not_empty,
    is_resolved,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alerting.injections import World
    from harness.clients.inbox import Inbox
    from harness.clients.prometheus import Prometheus
    from harness.clients.saboteur import Saboteur
    from harness.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FLAPPING = "PostgresDeadlocks"
# Prometheus takes up what it knows of earlier at its second evaluation. By then every target has answered once; not in
# compressed time, where starting and finding the targets takes as long as ever. A rule whose compressed window is shorter
# than that sees nothing and rightly waits anew, so it is none of those. This one looks back for 15 minutes.
LASTING, FIRING, WAITING = "SignalHealthDegraded", "acme", "retailx"
_WINDOW = Term(300, "the increase over 5m forgets")
_MEAN = Term(900, "the mean over 15m forgets")
_ARRIVE = Term(5, "signals arrive", compressed=False)
_MET = Term(5, "two transactions meet, deadlock_timeout, the statistics are written", compressed=False)


def lasts(name: str, key: str) -> Term:
    """Return one of a rule's own times."""
    return Term(milliseconds(str(RULES[name][key])) / 1000, f"{key} of {name}")


def alerts(prometheus: Prometheus, name: str, **about: str) -> Probe[tuple[Mapping[str, Any], ...]]:
    """Ask for one rule's pending and firing alerts."""

    def read() -> tuple[Mapping[str, Any], ...]:
        wanted = {"alertname": name, **about}
        return tuple(one for one in prometheus.alerts().now() if wanted.items() <= one["labels"].items())

    return Probe(f"{name} in Prometheus", f"{prometheus.address}/alerts", read)


def kept(prometheus: Prometheus) -> Probe[tuple[Mapping[str, Any], ...]]:
    """Ask for alerts that fire only since their `keep_firing_for` has not passed."""
    asked = alerts(prometheus, FLAPPING)
    return Probe(
        f"{FLAPPING} that is only kept firing",
        asked.where,
        lambda: tuple(one for one in asked.now() if one.get("keepFiringSince")),
    )


def active_since(
    began: float, *, later: float, state: str = "pending"
) -> Callable[[tuple[Mapping[str, Any], ...]], None]:
    """Expect one alert that counts its time from this moment, or so many seconds later at most; Prometheus keeps seconds."""

    def expect(found: tuple[Mapping[str, Any], ...]) -> None:
        has_length(1)(found)  # after a start, its group may have the first evaluation still to come
        (one,) = found
        assert one["state"] == state, f"it is {one['state']}, not {state}"
        moved = _began(one) - began
        assert -1 <= moved <= later, f"it counts from {moved:.1f} s later, {later:.1f} s would be right"

    return expect


def test_a_symptom_that_pauses_is_one_incident(
    world: World, stack: Stack, saboteur: Saboteur, prometheus: Prometheus, inbox: Inbox
) -> None:
    """Deadlocks, none for longer than the rule looks back, and deadlocks again: one message, and one all-clear."""

    def within(*terms: Term) -> float:
        return limit(*terms, factor=stack.factor)

    world.until_silent(FLAPPING)  # an earlier test may have made deadlocks too
    told = inbox.notifications(FLAPPING, receiver="slack-platform", since=time.time())
    with saboteur.fault("deadlocks", per_minute=60, seconds=60):
        eventually(told, is_firing, within=within(_MET, SCRAPE, EVALUATION, CHANNEL_INTERVAL, NOTIFY))
    eventually(kept(prometheus), is_not_empty, within=within(_MET, _WINDOW, SCRAPE, EVALUATION))
    with saboteur.fault("deadlocks", per_minute=60, seconds=60):
        eventually(kept(prometheus), is_empty, within=20)
        assert alerts(prometheus, FLAPPING).now(), (
            "it was over before it came back: keep_firing_for is too short"
        )

    over = (_MET, _WINDOW, SCRAPE, EVALUATION, lasts(FLAPPING, "keep_firing_for"), FOR_ENDS)
    eventually(told, is_resolved, within=within(*over, CHANNEL_INTERVAL, NOTIFY))
    heard = [one.status for one in told.now()]
    assert heard.count("resolved") == 1, f"it was told as over before it was: {heard}"
    assert len({one.key for one in told.now()}) == 1, "two incidents were made of one"


def test_a_restarted_prometheus_forgets_no_waiting_and_no_alert(world: World) -> None:
    """Prometheus promises both for a `for` as long as its grace period: nobody is told of an end that was none, or twice.

    What waits becomes due later by the absence of Prometheus, not by the whole wait.
    """
    stack, inbox = world.stack, world.inbox
    own = {tenant: replace(world, tenants=(stack.stores.tenant(tenant),)) for tenant in (FIRING, WAITING)}
    firing, waiting = (alerts(world.prometheus, LASTING, tenant_id=tenant) for tenant in own)

    def within(*terms: Term) -> float:
        return limit(*terms, factor=stack.factor)

    world.until_silent(LASTING)  # an earlier test may have had bad signals too
    about = inbox.notifications(LASTING, receiver="slack-customer-health", since=time.time())
    told = Probe(f"{about.what}, about {FIRING}", about.where, lambda: about.now().about(FIRING))
    with INJECTIONS["bad signals"](own[FIRING]):
        fires = (
            _ARRIVE,
            _MEAN,
            SCRAPE,
            EVALUATION,
            lasts(LASTING, "for"),
            FOR_ENDS,
            CHANNEL_INTERVAL,
            NOTIFY,
        )
        eventually(told, is_firing, within=within(*fires))
        (fired,) = firing.now()
        with INJECTIONS["bad signals"](own[WAITING]):
            (before,) = eventually(waiting, has_length(1), within=within(_ARRIVE, _MEAN, SCRAPE, EVALUATION))
            lasting = Probe("seconds it has waited", waiting.where, lambda: time.time() - _began(before))
            # longer than the moments below are blurred
            waited = lasts(LASTING, "for").seconds / stack.factor / 4
            eventually(lasting, at_least(waited), within=waited + 5)
            (fault,) = world.faults.restart("prometheus")
            eventually(waiting, has_length(1), within=30)
            # from its last evaluation, up to an interval before, to the one after its first, which takes up what it knows of
            # earlier; and a second, since an evaluation may be late
            away = time.time() - fault.at + 2 * stack.scrape_interval + 1
            eventually(waiting, active_since(_began(before), later=away), within=10)
            eventually(firing, active_since(_began(fired), later=1, state="firing"), within=10)
    over = (_MEAN, SCRAPE, EVALUATION, lasts(LASTING, "keep_firing_for"), FOR_ENDS, CHANNEL_INTERVAL, NOTIFY)
    eventually(told, is_resolved, within=within(*over))
    assert [one.status for one in told.now()] == ["firing", "resolved"]
    eventually(waiting, is_empty, within=within(_MEAN, SCRAPE, EVALUATION))


def _began(alert: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(alert["activeAt"]).timestamp()
