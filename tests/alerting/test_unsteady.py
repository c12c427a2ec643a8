"""What comes and goes: a symptom that pauses is one incident, and a restarted Prometheus forgets no waiting and no alert."""

from __future__ import annotations

import time
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

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

FLAPPING, WAITING, FIRING = "PostgresDeadlocks", "SignalHealthDegraded", "RedisMaxmemoryUnset"
_WINDOW = Term(300, "the increase over 5m forgets")
_MEAN = Term(900, "the mean over 15m forgets")
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
        eventually(kept(prometheus), is_empty, within=within(_MET, SCRAPE, EVALUATION))
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
    factor = world.stack.factor
    firing, waiting = alerts(world.prometheus, FIRING), alerts(world.prometheus, WAITING, tenant_id="retailx")
    told = world.inbox.notifications(FIRING, since=time.time())
    with INJECTIONS["maxmemory unset"](world):
        terms = (SCRAPE, EVALUATION, lasts(FIRING, "for"), FOR_ENDS, CHANNEL_INTERVAL, NOTIFY)
        eventually(told, is_firing, within=limit(*terms, factor=factor))
        (fired,) = firing.now()
        with INJECTIONS["bad signals"](world):
            within = limit(SCRAPE, EVALUATION, Term(5, "signals arrive", compressed=False), factor=factor)
            (before,) = eventually(waiting, has_length(1), within=within)
            lasting = Probe("seconds it has waited", waiting.where, lambda: time.time() - _began(before))
            waited = lasts(WAITING, "for").seconds / factor / 4  # longer than the moments below are blurred
            eventually(lasting, at_least(waited), within=waited + 5)
            (fault,) = world.faults.restart("prometheus")
            eventually(waiting, has_length(1), within=30)
            # from its last evaluation, up to an interval before, to the one after its first, which takes up what it knows of
            # earlier; and a second, since an evaluation may be late
            away = time.time() - fault.at + 2 * world.stack.scrape_interval + 1
            eventually(waiting, active_since(_began(before), later=away), within=10)
            eventually(firing, active_since(_began(fired), later=1, state="firing"), within=10)
    eventually(told, is_resolved, within=limit(SCRAPE, EVALUATION, CHANNEL_INTERVAL, NOTIFY, factor=factor))
    assert [one.status for one in told.now()] == ["firing", "resolved"]
    eventually(waiting, is_empty, within=limit(_MEAN, SCRAPE, EVALUATION, factor=factor))


def _began(alert: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(alert["activeAt"]).timestamp()
