"""When which fault is inflicted: independent ones side by side, and none while another would mute its alert.

A step begins when the steps that it names have been healed, so the whole takes as long as its longest chain.
Acts follow one another; between two of them everything is well and every alert is over.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One fault, inflicted once the others it names have been healed."""

    injection: str
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Act:
    """Steps that go together, under one load."""

    name: str
    steps: tuple[Step, ...]
    requests_a_second: float = 0.0
    anew: bool = False
    """Whether Prometheus begins it without a past: what burned before would be remembered for six hours."""


ANEW = "prometheus begins anew"

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
            Step("replica reset"),
            Step("tasks fail"),
            # each of these keeps the workers from what the one before needs of them
            Step("tasks linger", after=("tasks fail", "platform refuses")),
            # an exporter that reaches no broker says that there are no workers, and then nobody blames the scheduler
            Step("scheduler stopped", after=("exporter cut off",)),
            Step("tasks pile up", after=("tasks linger", "scheduler stopped")),
            Step("workers killed", after=("tasks pile up",)),  # CeleryNoWorkers mutes the backlog
            Step("line too long"),
            Step("loki stopped", after=("line too long",)),
            Step("notifications refused"),
            Step("rule fails"),
            Step("one api stopped", after=("requests fail",)),
        ),
        requests_a_second=12,
        anew=True,
    ),
    Act("what stops", (Step("api stopped"), Step("stores stopped"))),
    Act(
        "what burns slowly, and what fills",
        (
            Step("requests fail now and then"),
            Step("requests linger now and then"),
            Step("platforms refuse now and then"),
            Step("cache filled"),
            Step("clients connect"),
            Step("keys missed"),
            Step("maxmemory unset"),
            Step("sessions opened"),
            Step("deadlocks"),
            Step("replay paused"),
            Step("volume filled"),
            Step("disk filled", after=("volume filled",)),  # DiskNearlyFull mutes VolumeNearlyFull
            Step("one worker killed"),
        ),
        requests_a_second=12,
        anew=True,
    ),
)
