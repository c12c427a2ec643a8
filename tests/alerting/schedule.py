"""When which fault is inflicted: independent ones side by side, and none while another would mute its alert.

A step begins when the steps that it names have been healed, so the whole takes as long as its longest chain.
Acts follow one another; between two of them everything is well and every alert is over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Step:
    """One fault, inflicted once the others it names have been healed."""

    injection: str
    after: tuple[str, ...] = ()
    once_over: tuple[str, ...] = ()
    """Alerts that this one's would mute: of an alert that ends while it is muted, nobody has the all-clear."""


@dataclass(frozen=True)
class Act:
    """Steps that go together, under one load."""

    name: str
    steps: tuple[Step, ...]
    requests_a_second: float = 0.0
    reads_a_second: float = 0.0
    """Besides, of the kind that costs least."""
    anew: bool = False
    """Whether Prometheus begins it without a past: what burned before would be remembered for six hours."""
    services: tuple[str, ...] = ()
    """Who runs in this act only: there before Prometheus begins, so that nobody is missed who has yet to come."""
    consequences: Mapping[str, str] = field(default_factory=dict)
    """Alerts of other acts that this one's faults make true as well, each with why: of anything else nobody may be told."""


ANEW = "prometheus begins anew"
_DROPPED_BEFORE = "the line that was too long is news to a Prometheus without a past"

SCHEDULE: tuple[Act, ...] = (
    Act(
        "what breaks while everything runs",
        (
            Step("requests fail"),
            Step("requests linger"),
            Step("queries linger"),
            Step("platform refuses"),
            Step("bad signals"),
            Step("stream stuck"),
            Step("exporter cut off"),
            Step("exporter cut off again", after=("exporter cut off",)),
            Step("replica reset"),
            Step("tasks fail"),
            # each of these keeps the workers from what the one before needs of them
            Step("tasks pile up", after=("tasks fail", "platform refuses", "exporter cut off again")),
            Step("tasks linger", after=("tasks pile up",)),
            Step("workers killed", after=("tasks linger",), once_over=("CeleryQueueBacklog",)),
            Step("line too long"),
            Step("notifications refused"),
            Step("rule fails"),
            Step("one api stopped", after=("requests fail",)),
        ),
        requests_a_second=5,
        anew=True,
        services=("api-replica",),
        consequences={
            "CanaryLost": "its requests fail, and its tasks wait behind those that pile up",
            "CeleryWorkersMissing": "of the workers that were killed one is back first",
            "SchedulerStalled": "its tasks wait behind those that pile up",
            "SLOErrorBudgetBurnSlow": "what burned fast burned slowly too, and the fast burn is over sooner",
            "TargetDown": "nobody answers for workers that were killed",
        },
    ),
    Act(
        "what stops",
        (
            Step("api stopped"),
            # who looks for what is gone asks for its name, and few name servers answer everybody at once
            Step("redis stopped", after=("api stopped",)),
            # hundreds of thousands of lines are sent meanwhile, and leave the others no processor
            Step("loki stopped", after=("redis stopped",)),
        ),
        consequences={
            "APIInstanceDown": "of the API's containers one goes first",
            "CanaryLost": "nobody takes its request",
            "CeleryExporterStale": "the broker is back, and nobody has asked it yet",
            "CeleryNoWorkers": "the broker is back, and the workers are not",
            "CeleryWorkersMissing": "the broker is back, and one of the workers is",
            "IngesterStalled": "the events are in the broker",
            "SchedulerStalled": "the broker is back, and no task has run yet",
        },
    ),
    Act(
        "what fills, and what falls behind",
        (
            # the one API process that does these is slow meanwhile, which is why no budget is looked at
            Step("cache filled"),
            Step("clients connect", after=("cache filled",)),
            Step("sessions opened", after=("clients connect",)),
            Step("maxmemory unset"),
            Step("deadlocks"),
            Step("replay paused"),
            Step("volume filled"),
            Step("disk filled", after=("volume filled",), once_over=("VolumeNearlyFull",)),
            Step("one worker killed"),
            # without an answer from the workers nobody blames the scheduler
            Step("scheduler stopped", after=("one worker killed",)),
        ),
        requests_a_second=4,
        # what stopped was told of, and Alertmanager keeps the turns of a group for a quarter of an hour after its end:
        # what comes again (SchedulerStalled) would be told when its turn comes, and not after a group_wait
        anew=True,
        consequences={
            "PostgresSlowQueries": "a statement that a deadlock holds up for a second is a slow one",
            "TelemetryDropped": _DROPPED_BEFORE,
        },
    ),
    Act(
        "what burns slowly",
        (
            Step("requests fail now and then"),
            Step("requests linger now and then"),
            Step("platforms refuse now and then"),
            Step("keys missed"),
        ),
        requests_a_second=6,
        reads_a_second=10,
        anew=True,
        consequences={
            "IntegrationFailureSpike": "one call in seventeen is, at this load, more than ten a minute",
            "TelemetryDropped": _DROPPED_BEFORE,
        },
    ),
)


@dataclass(frozen=True)
class Small:
    """A stack of a few services in a time of its own, for what the time of the stack under test does not allow."""

    factor: float
    services: tuple[str, ...]
    schedule: tuple[Act, ...]


SMALL: tuple[Small, ...] = (
    # PostgreSQL's exporter waits a second before it tries again, and only then says that nobody answered: twice as long as
    # a scrape may take in the time of the stack under test, half as long as in this one's
    Small(
        7.5,
        (
            "postgres",
            "postgres-replica",
            "postgres-exporter",
            "postgres-replica-exporter",
            "prometheus",
            "alertmanager",
            "inbox",
        ),
        (Act("what a hurried scrape does not see", (Step("database closed"),)),),
    ),
    # six hours are twelve minutes of the stack under test, and three of this one
    Small(
        120.0,
        ("redis", "redis-exporter", "prometheus", "alertmanager", "inbox"),
        (Act("what needs hours of history", (Step("commands pour in"),)),),
    ),
)

ACTS = (*SCHEDULE, *(act for small in SMALL for act in small.schedule))
"""Every act, on whichever stack."""
