"""One scene played on a private stack: the fault, who was told and when, what explains it, the all-clear.

Everything that is shown is measured or read from a store; what does not happen in time ends the scene with its reason.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from alerting.alert_faults import row_of, time_to_detect, time_to_resolve
from alerting.proving import receivers_of
from harness import rendering
from harness.clients.http import Session
from harness.eventually import eventually
from harness.expectations import is_empty, is_not_empty
from harness.plugin import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerting.injections import World
    from demo.scenes import Scene
    from harness.clients.inbox import Notifications

_RATE = 12.0  # requests a second: enough for every rule's floor of traffic
_BEFORE = 3.0  # seconds of it before anything breaks
_PATIENCE = 20.0  # seconds beyond the limit, so that a late page is seen, and said to be late
_READABLE = 20.0  # seconds in which what was sent can be read
_SILENCE = 120.0


@dataclass
class Fact:
    """One thing that is shown, and where a person finds it."""

    what: str
    said: str
    link: str = ""


@dataclass
class Played:
    """What came of a scene."""

    scene: Scene
    facts: list[Fact] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    def show(self, what: str, said: str, link: str = "") -> None:
        """Keep a fact; a link has to open."""
        self.facts.append(Fact(what, said, link))
        if link and (status := Session().get(link).status_code) >= 400:
            self.trouble.append(f"{what}: {link} answers {status}")

    def judge(self, what: str, seconds: float, limit: float) -> None:
        """Keep a time with its limit."""
        self.show(what, f"after {seconds:.1f} s (limit {limit:.1f} s)")
        if seconds > limit:
            self.trouble.append(f"{what} late: {seconds:.1f} s of {limit:.1f} s")


def play(scene: Scene, world: World, progress: Callable[[str], object]) -> Played:
    """Play one scene; what fails is in `trouble`, and the fault is healed in any case."""
    played = Played(scene)
    try:
        _play(scene, world, progress, played)
    except (AssertionError, OSError) as failure:  # an expectation, or a store that did not answer
        played.trouble.append(str(failure))
    return played


def _play(scene: Scene, world: World, progress: Callable[[str], object], played: Played) -> None:
    [rule] = [rule for rule in rendering.committed_alerts(ROOT) if row_of(rule) == scene.row]
    alert, receivers = rule["alert"], receivers_of(rule)
    factor, inbox = world.stack.factor, world.inbox
    progress(f"waiting until nothing is left of an earlier {alert}")
    eventually(world.stack.stores.alertmanager.alerts(alert), is_empty, within=_SILENCE)
    with world.load(_RATE).flowing() as traffic:
        traffic.goes_on_for(_BEFORE)
        before = len(traffic.sent)
        played.show("broken", scene.broken)
        with scene.inflict(world) as at:
            obeyed = time.time() - at
            limit = time_to_detect(rule, factor=factor, channel=len(receivers) > 1) + obeyed
            progress(f"{scene.broken}; waiting for {alert}, which has {limit:.1f} s")
            told = inbox.notifications(alert, since=at)
            page = eventually(told, _told("firing", receivers), within=limit + _PATIENCE)
            metric = world.prometheus.samples(world.loaded(rule))
            value = metric.now()
            during = [one.answer for one in traffic.sent[before:] if one.answer]
            healed = time.time()
        healing = time.time() - healed
        progress("mended; waiting for the all-clear")
        played.show("customers saw", scene.customers(world, during))
        played.judge(f"{alert} told", _last(page, "firing") - at, limit)
        for one in page.with_status("firing"):
            played.show(f"  {one.receiver}", one.summary, one.links.get("runbook", ""))
        assert len(value) > 0, f"{alert} was told, and its expression has no value"
        played.show(
            "the metric",
            f"{value.samples[0].value:.3g}: {rule['expr'].strip()}",
            metric.where,
        )
        _explain(scene, world, played, since=at)
        limit = time_to_resolve(rule, factor=factor) + healing
        cleared = eventually(
            inbox.notifications(alert, since=healed), _told("resolved", receivers), within=limit + _PATIENCE
        )
    played.judge("all clear", _last(cleared, "resolved") - healed, limit)


def _explain(scene: Scene, world: World, played: Played, *, since: float) -> None:
    """Find the line, the trace it names, and the error of that trace."""
    stores = world.stack.stores
    lines = stores.loki.lines(scene.line, since=since)
    line = eventually(lines, is_not_empty, within=_READABLE)[0]
    found = line.fields
    said = {
        key: found[key]
        for key in ("event", "endpoint", "status_code", "platform", "error", "tenant_id")
        if found.get(key)
    }
    played.show("the log line", ", ".join(f"{key}={value}" for key, value in said.items()), lines.where)
    trace_id = str(found["trace_id"])
    trace = eventually(stores.jaeger.trace(trace_id), within=_READABLE)
    failed = [f"{span.service}: {span.name}" for span in trace.spans if span.failed]
    played.show(
        "the trace",
        f"{len(trace.spans)} spans, failed: {', '.join(failed) or 'none'}",
        stores.jaeger.link(trace_id),
    )
    events = stores.errors.of_trace(trace_id)
    if scene.tracked:
        event = eventually(events, is_not_empty, within=_READABLE)[0]
        played.show("the error", f"{event.kind}: {event.message}", events.where)
    else:
        is_empty(events.now())
        played.show("the error", "none, on purpose: a store that is away is no mistake of the code")


def _told(status: str, receivers: frozenset[str]) -> Callable[[Notifications], None]:
    def expect(found: Notifications) -> None:
        missing = receivers - {one.receiver for one in found.with_status(status)}
        assert not missing, f"not told that it is {status}: {', '.join(sorted(missing))}"

    return expect


def _last(found: Notifications, status: str) -> float:
    first: dict[str, float] = {}
    for one in found.with_status(status):
        first.setdefault(one.receiver, one.received_at)
    return max(first.values())
