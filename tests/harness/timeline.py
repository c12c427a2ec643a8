"""When what happened: from a fault to its first symptom, the alert, the notification, and back.

Every stamp is in seconds since 1970 and comes from whoever knows best: the fault from the harness, the alert from
Prometheus' own samples, the notification from the inbox. Nothing is polled, so watching costs the stack nothing,
and faults that run side by side have timelines that can be laid over one another.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from harness.timeline_picture import drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from harness.clients.inbox import Notification
    from harness.clients.prometheus import Prometheus
    from harness.faults import Fault

Stage: TypeAlias = Literal["fault", "symptom", "pending", "firing", "notified", "healed", "resolved"]
STAGES: tuple[Stage, ...] = get_args(Stage)

_CAUSES: tuple[tuple[Stage, Stage], ...] = (
    ("fault", "symptom"),
    ("symptom", "pending"),
    ("pending", "firing"),
    ("firing", "notified"),
    ("fault", "healed"),
    ("healed", "resolved"),
    ("notified", "resolved"),
)
_SYMPTOMS = "up == 0 or stratum_dependency_up == 0"
_STEP = 0.02  # seconds: how finely a symptom is looked for
_LONGEST_NAME = 150  # characters of a file's name
_BLUR = 0.05  # seconds: by this much two clocks, and one step, may disagree


@dataclass(frozen=True)
class Mark:
    """One thing that happened."""

    stage: Stage
    at: float
    what: str = ""


@dataclass
class Timeline:
    """What happened around one fault, or one alert of it."""

    name: str
    marks: list[Mark] = field(default_factory=list)

    def mark(self, stage: Stage, at: float, what: str = "") -> None:
        """Note that something happened."""
        self.marks.append(Mark(stage, at, what))

    def at(self, stage: Stage) -> float | None:
        """Return when a stage was reached first; None if it was not."""
        return min((mark.at for mark in self.marks if mark.stage == stage), default=None)

    def fault(self, fault: Fault) -> None:
        """Note when a fault that is healed began and ended."""
        self.mark("fault", fault.at, str(fault))
        self.mark("healed", fault.healed_at, str(fault))

    def alert(
        self, name: str, prometheus: Prometheus, *, symptom: str = "", labels: str = "", until: float
    ) -> None:
        """Note what Prometheus knows of an alert since the fault.

        Args:
            name: The alert.
            prometheus: The stack's.
            symptom: An expression that holds while the fault shows; the alert's own if left out.
            labels: More matchers, where alerts of that name are about several things: `,slo="api-latency"`.
            until: When to stop looking.
        """
        since = self.at("fault")
        if since is None:
            raise ValueError("note the fault first: an alert is looked for since then")
        shows = symptom or _expression(prometheus, name)
        looked = f"({shows})[{_milliseconds(until - since)}ms:{_milliseconds(_STEP)}ms]"
        self._first("symptom", prometheus.times(looked, at=until), shows)
        for state in ("pending", "firing"):
            chosen = (
                f'ALERTS{{alertname="{name}",alertstate="{state}"{labels}}}[{_milliseconds(until - since)}ms]'
            )
            self._first(state, prometheus.times(chosen, at=until), name)

    def everything(self, prometheus: Prometheus, *, until: float) -> None:
        """Note every symptom and every alert that has begun since the fault, whatever it may be of.

        Args:
            prometheus: The stack's.
            until: When to stop looking.
        """
        since = self.at("fault")
        if since is None:
            raise ValueError("note the fault first: symptoms are looked for since then")
        length = _milliseconds(until - since)
        shown = prometheus.firsts(f"({_SYMPTOMS})[{length}ms:{_milliseconds(_STEP)}ms]", at=until)
        for labels, at in shown:
            if at > since + _STEP:  # what showed already is no symptom of this fault
                self.mark("symptom", at, labels.get("dependency") or labels.get("job", ""))
        for state in ("pending", "firing"):
            chosen = f'ALERTS{{alertname!="Watchdog",alertstate="{state}"}}'
            before = {
                tuple(sorted(one.labels.items()))
                for one in prometheus.samples(chosen, at=since).now().samples
            }
            for labels, at in prometheus.firsts(f"{chosen}[{length}ms]", at=until):
                if tuple(sorted(labels.items())) not in before:
                    self.mark(state, at, labels["alertname"])

    def notified(self, delivered: Iterable[Notification]) -> None:
        """Note the notifications that arrived."""
        for one in delivered:
            self.mark("notified" if one.status == "firing" else "resolved", one.received_at, one.receiver)

    def missing(self) -> list[Stage]:
        """Name the stages that were not reached."""
        return [stage for stage in STAGES if self.at(stage) is None]

    def disorder(self) -> list[str]:
        """Say what happened before its cause; an empty list says that nothing did."""
        return [
            f"{effect} {cause_at - effect_at:.2f} s before {cause}"
            for cause, effect in _CAUSES
            if (cause_at := self.at(cause)) is not None
            and (effect_at := self.at(effect)) is not None
            and effect_at < cause_at - _BLUR
        ]

    def __str__(self) -> str:
        start = self.at("fault") or min((mark.at for mark in self.marks), default=0.0)
        lines = [f"  {mark.at - start:+8.2f} s  {mark.stage:<9} {mark.what}" for mark in self._in_order()]
        lines += [f"         -    {stage:<9} not seen" for stage in self.missing()]
        return "\n".join([self.name, *lines])

    def as_json(self) -> dict[str, Any]:
        """The timeline as it stands in build/timelines/*.json."""
        return {"name": self.name, "marks": [asdict(mark) for mark in self._in_order()]}

    def _in_order(self) -> list[Mark]:
        return sorted(self.marks, key=lambda mark: mark.at)

    def _first(self, stage: Stage, times: list[float], what: str) -> None:
        if times:
            self.mark(stage, min(times), what)


@dataclass
class Timelines:
    """The timelines of one run, each kept as a line of text, as JSON and as a picture."""

    folder: Path
    say: Callable[[str], object] = print

    def keep(self, timeline: Timeline) -> Path:
        """Tell whoever watches, and write both files; returns the picture."""
        self.say(str(timeline))
        return self.write(timeline)

    def write(self, timeline: Timeline) -> Path:
        """Write both files, again if they exist; returns the picture."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / re.sub(r"[^A-Za-z0-9]+", "-", timeline.name).strip("-")[:_LONGEST_NAME]
        path.with_suffix(".json").write_text(json.dumps(timeline.as_json(), indent=1) + "\n")
        picture = path.with_suffix(".svg")
        picture.write_text(drawn(timeline.name, [(stage, timeline.at(stage)) for stage in STAGES]))
        return picture


def _expression(prometheus: Prometheus, name: str) -> str:
    rules = [rule for group in prometheus.rules().now() for rule in group["rules"] if rule["name"] == name]
    if not rules:
        raise ValueError(f"Prometheus has no alert {name}")
    return " or ".join(f"({rule['query']})" for rule in rules)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
