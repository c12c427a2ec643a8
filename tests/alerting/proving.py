"""The schedule carried out: every step's fault inflicted, its alerts awaited, the fault healed, the all-clears awaited.

Nothing is judged here. What happened to each rule is kept as a `Proof`, which the tests then look at one claim at a time.
"""

from __future__ import annotations

import math
import re
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING, Any

import yaml

from alerting.alert_faults import FAULTS, row_of, time_to_detect, time_to_resolve
from alerting.injections import INJECTIONS
from alerting.schedule import ANEW, Act, Step
from harness import rendering
from harness.clients.inbox import Notifications
from harness.eventually import Probe, Unmet, eventually
from harness.plugin import ROOT
from harness.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from alerting.injections import World

_SERIES = re.compile(
    r"\b(?!(?:group|count|quantile|label|histogram|sum|avg|min|max)_)[a-z]+[_:][a-z0-9_:]+\b(?!\()(?:\{[^}]*\})?"
)
_PATIENCE = 20.0  # seconds beyond the limit, after which an alert that has not come will not come


def receivers_of(rule: Mapping[str, Any]) -> frozenset[str]:
    """Who is to be told, by the table that Alertmanager's routes are tested with."""
    wanted = {"alertname": rule["alert"], **rule["labels"]}
    table = yaml.safe_load((ROOT / "alertmanager" / "tests" / "routes.yml").read_text())
    [receivers] = {
        frozenset(route["receivers"])
        for route in table
        for labels in route["alerts"]
        if wanted.items() <= labels.items()
    }
    return receivers


@dataclass
class Proof:
    """What happened to one rule."""

    rule: Mapping[str, Any]
    receivers: frozenset[str]
    factor: float
    at: float = math.nan  # when the fault began
    seconds: float = 0.0  # until it was in force
    healed_at: float = math.nan
    healing: float = 0.0  # seconds until it was undone
    delivered: dict[str, Notifications] = field(default_factory=dict)
    trouble: str = "its step was never reached"
    timeline: Timeline | None = None

    @property
    def name(self) -> str:
        """What tells it from others."""
        return row_of(self.rule)

    def told(self, status: str) -> float:
        """Seconds from the fault, or from its end, until the first receiver was told so."""
        since = self.at if status == "firing" else self.healed_at
        times = [found.received_at for receiver in self.delivered if (found := self._first(receiver, status))]
        return min(times, default=math.nan) - since

    def last_told(self, status: str) -> float:
        """The same of the last receiver; NaN where one was not told."""
        since = self.at if status == "firing" else self.healed_at
        found = [self._first(receiver, status) for receiver in self.receivers]
        return max(one.received_at if one else math.nan for one in found) - since if all(found) else math.nan

    def first(self, status: str) -> Iterator[Any]:
        """The first message that says so at each receiver that had one."""
        yield from filter(None, (self._first(receiver, status) for receiver in sorted(self.delivered)))

    def _first(self, receiver: str, status: str) -> Any:  # noqa: ANN401 - a notification, or none
        since = self.at if status == "firing" else self.healed_at
        found = self.delivered.get(receiver, Notifications(()))
        return next((one for one in found if one.status == status and one.received_at >= since), None)


@dataclass
class Proving:
    """One run of the schedule."""

    world: World
    schedule: tuple[Act, ...]
    proofs: dict[str, Proof]
    progress: Callable[[str], object]
    """Told what begins and how it ended."""
    healed: dict[str, Event] = field(default_factory=dict)
    besides: dict[str, Notifications] = field(default_factory=dict)
    """For each act that was played: what somebody was told of alerts that it is not to prove."""
    began: float = field(default_factory=time.time)
    interrupted: Event = field(default_factory=Event)
    """Nobody waits for an alert any more: faults are healed, and none is inflicted."""

    @classmethod
    def of(cls, world: World, schedule: tuple[Act, ...], progress: Callable[[str], object]) -> Proving:
        """Everything that this schedule is to prove."""
        inflicted = {step.injection for act in schedule for step in act.steps}
        inflicted |= {ANEW for act in schedule if act.anew}
        proofs = [
            Proof(rule, receivers_of(rule), world.stack.factor)
            for rule in rendering.committed_alerts(ROOT)
            if FAULTS[row_of(rule)].injection in inflicted
        ]
        return cls(world, schedule, {proof.name: proof for proof in proofs}, progress)

    def run(self, only: frozenset[str]) -> None:
        """Carry out these steps, the acts one after the other."""
        for act in self.schedule:
            steps = [step for step in act.steps if step.injection in only]
            if steps or (act is self.schedule[0] and ANEW in only):
                self._play(act, steps)

    def _say(self, what: str) -> None:
        self.progress(f"{time.time() - self.began:6.1f} s  {what}")

    def _play(self, act: Act, steps: list[Step]) -> None:
        self._say(act.name)
        self.world.joined_by(*act.services)
        if act.anew:
            self._inflict(ANEW, self._unproved(ANEW))
            self.world.until_silent()
        began = time.time()  # in compressed time a start takes longer than a `for`, and is told of
        self.healed.update({step.injection: Event() for step in steps})
        with ExitStack() as load:
            if act.requests_a_second:
                load.enter_context(self.world.load(act.requests_a_second).flowing())
            if act.reads_a_second:
                load.enter_context(self.world.reads(act.reads_a_second).flowing())
            with ThreadPoolExecutor(max(1, len(steps)), thread_name_prefix="step") as several:
                done = [several.submit(self._step, step) for step in steps]
                try:
                    wait(done)
                except BaseException:
                    self.interrupted.set()  # before the pool waits for what waits for alerts
                    raise
            for one in done:
                one.result()
            proofs = [proof for step in steps for proof in self._of(step.injection)]
            for proof in sorted(proofs, key=self._resolves_at):
                self._await_all_clear(proof)
        proofs += self._of(ANEW)
        self._keep(proofs)
        self.besides[act.name] = self._told_besides({proof.rule["alert"] for proof in proofs}, since=began)
        self.world.afterwards.close()

    def _told_besides(self, proved: set[str], *, since: float) -> Notifications:
        told = self.world.inbox.notifications(status="firing", since=since).now()
        return Notifications(tuple(one for one in told if one.alertname not in proved))

    def _of(self, injection: str) -> list[Proof]:
        return [proof for name, proof in self.proofs.items() if FAULTS[name].injection == injection]

    def _unproved(self, injection: str) -> list[Proof]:
        return [proof for proof in self._of(injection) if math.isnan(proof.at)]

    def _step(self, step: Step) -> None:
        """Inflict, wait for whoever is to be told, heal. What goes wrong is written down, not raised."""
        proofs = self._unproved(step.injection)
        began = time.time()
        try:
            for other in step.after:
                if other in self.healed:
                    self.healed[other].wait()
            self.world.until_silent(*(proof.rule["alert"] for proof in proofs), *step.once_over)
            if self._over():
                return
            began = time.time()
            self._inflict(step.injection, proofs)
        except Exception as failure:  # noqa: BLE001 - it is about these rules, and no others
            what = f"{type(failure).__name__}: {failure}"
            for proof in proofs:
                proof.trouble += f"\n{step.injection}, begun at {began:.3f}: {what}"
            self._say(f"  {step.injection}: {what.splitlines()[0]}")
        finally:
            self.healed[step.injection].set()

    def _inflict(self, injection: str, proofs: list[Proof]) -> None:
        healed_at = math.nan
        with INJECTIONS[injection](self.world) as at:
            self._say(f"  {injection}: begun")
            for proof in proofs:
                proof.at, proof.seconds, proof.trouble = at, time.time() - at, ""
            for proof in sorted(proofs, key=self._limit):
                self._await_firing(proof)
            healed_at = time.time()
            for proof in proofs:
                proof.healed_at = healed_at
        for proof in proofs:
            proof.healing = time.time() - healed_at
        untold = ", ".join(proof.name for proof in proofs if proof.trouble)
        self._say(f"  {injection}: healed, " + (f"NOT TOLD: {untold}" if untold else "everybody was told"))

    def _limit(self, proof: Proof) -> float:
        return time_to_detect(proof.rule, factor=proof.factor, channel=True) + proof.seconds

    def _resolves_at(self, proof: Proof) -> float:
        return proof.healed_at + time_to_resolve(proof.rule, factor=proof.factor)

    def notifications(self, proof: Proof) -> Probe[Notifications]:
        """Ask for what was delivered of this rule's alert since its fault."""
        every = self.world.inbox.notifications(proof.rule["alert"], since=proof.at)
        about = FAULTS[proof.name].about.values()
        return Probe(every.what, every.where, lambda: every.now().about(*about))

    def _await_firing(self, proof: Proof) -> None:
        def everybody(found: Notifications) -> None:
            told = {one.receiver for one in found if one.status == "firing"}
            assert told >= proof.receivers, f"not told: {sorted(proof.receivers - told)}"

        within = max(0.0, proof.at + self._limit(proof) + _PATIENCE - time.time())
        self._await(proof, everybody, within)

    def _await_all_clear(self, proof: Proof) -> None:
        if not FAULTS[proof.name].resolves or math.isnan(proof.healed_at) or proof.trouble:
            self._note(proof)
            return

        def everybody(found: Notifications) -> None:
            told = {
                one.receiver
                for one in found
                if one.status == "resolved" and one.received_at > proof.healed_at
            }
            assert told >= proof.receivers, f"no all-clear: {sorted(proof.receivers - told)}"

        within = max(0.0, self._resolves_at(proof) + proof.healing + _PATIENCE - time.time())
        self._await(proof, everybody, within)

    def _await(self, proof: Proof, everybody: Any, within: float) -> None:  # noqa: ANN401 - an expectation
        try:
            eventually(self.notifications(proof), everybody, within=within, every=0.3, give_up=self._over)
        except Unmet as unmet:
            proof.trouble += f"\n{unmet}\n{self._seen(proof)}"
        self._note(proof)

    def _over(self) -> str | None:
        return "the run was interrupted" if self.interrupted.is_set() else None

    def _note(self, proof: Proof) -> None:
        if math.isnan(proof.at):
            return
        found = self.notifications(proof).now()
        proof.delivered = {
            receiver: Notifications(tuple(one for one in found if one.receiver == receiver))
            for receiver in dict.fromkeys(one.receiver for one in found)
        }

    def _seen(self, proof: Proof) -> str:
        """What the alert's own expression says now, and Prometheus of the alert, and Alertmanager."""
        prometheus, alertmanager = self.world.prometheus, self.world.stack.stores.alertmanager
        name = proof.rule["alert"]
        query = self.world.loaded(proof.rule)
        looks: list[Probe[Any]] = [
            prometheus.samples(query),
            *(prometheus.samples(series) for series in dict.fromkeys(_SERIES.findall(query))),
            prometheus.samples(f'ALERTS{{alertname="{name}"}}'),
            alertmanager.alerts(name),
        ]
        lines = []
        for look in looks:
            try:
                lines.append(f"  {look.what}: {look.now()!r}")
            except Exception as failure:  # noqa: BLE001 - it may be what is broken
                lines.append(f"  {look.what}: {failure}")
        return "\n".join(lines)

    def _keep(self, proofs: list[Proof]) -> None:
        """Ask for the timelines while Prometheus still remembers."""
        for proof in proofs:
            if math.isnan(proof.at) or proof.timeline:
                continue
            timeline = Timeline(f"{proof.name}, {FAULTS[proof.name].fault}")
            timeline.mark("fault", proof.at, FAULTS[proof.name].injection)
            if not math.isnan(proof.healed_at):
                timeline.mark("healed", proof.healed_at, FAULTS[proof.name].injection)
            labels = "".join(f',{name}="{value}"' for name, value in FAULTS[proof.name].about.items())
            ends = [one.received_at for found in proof.delivered.values() for one in found]
            until = max([*ends, proof.at + 1.0])
            timeline.alert(
                proof.rule["alert"],
                self.world.prometheus,
                symptom=self.world.loaded(proof.rule),
                labels=labels,
                until=until,
            )
            if FAULTS[proof.name].injection == ANEW:
                self._mark_first(timeline, proof)
            for found in proof.delivered.values():
                timeline.notified(found)
            proof.timeline = timeline

    def _mark_first(self, timeline: Timeline, proof: Proof) -> None:
        """Note since when an alert has fired by Prometheus' own word: its first evaluations after a start leave no samples."""
        for alert in self.world.prometheus.alerts().now():
            if alert["labels"]["alertname"] == proof.rule["alert"] and alert["state"] == "firing":
                timeline.mark("firing", datetime.fromisoformat(alert["activeAt"]).timestamp(), "activeAt")
