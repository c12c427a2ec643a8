"""Which real fault makes each alert fire, and how long its expression takes to become true, and false again: a row a rule.

`tests/alerting/injections.py` does what a row names, `schedule.py` says when, and the end-to-end tests wait no longer than
`time_to_detect`: scrape, two evaluations (a recorded value, then the alert), what the row says, `for` and the wait of the
route; and than `time_to_resolve` for the all-clear. Terms are seconds with a reason; those that no configuration moves
are not compressed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alerting.limits import (
    CHANNEL_INTERVAL,
    CHANNEL_WAIT,
    EVALUATION,
    FOR_ENDS,
    NOTIFY,
    SCRAPE,
    TIMEOUT,
    Term,
    limit,
)
from harness.rendering import seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Fault:
    """What is broken, and what it takes until a rule can see it, and until it sees that it is mended."""

    fault: str
    injection: str
    """The step of the schedule that does it; rules of one cause share one."""
    becomes_true: tuple[Term, ...] = ()
    becomes_false: tuple[Term, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)
    """Labels of the alert that is meant, where the rule can say the same of several things."""
    resolves: bool = True


_GROUP_WAIT = {
    "critical": Term(10, "group_wait of critical alerts"),
    "warning": Term(30, "group_wait of the channel"),
    "info": Term(30, "group_wait of the root route"),
    "none": Term(0, "group_wait of the Watchdog"),
}
_HALF_OF_5M = Term(150, "a rate over 5m rises to half of its value: the fault is twice the threshold")
_ALL_OF_5M = Term(300, "a rate over 5m forgets")
_ALL_OF_10M = Term(600, "a rate over 10m is full")
_FORGETS_10M = Term(600, "a rate over 10m forgets")
_FORGETS_30M = Term(1800, "the burn over 30m forgets")
_ASKED = Term(5, "the exporter asks every 5 s", compressed=False)
_COMES_UP = Term(15, "a container starts, and what is in it", compressed=False)
_NOTICED = Term(1, "a process looks at the switches every quarter of a second", compressed=False)
_THINNED = Term(
    150,
    "good events have to outnumber the bad ones a thousand to one again, at the test's own rate",
    compressed=False,
)
_FEW_FAIL = Term(
    60, "a thousand events have to be there before a few bad ones are a slow burn", compressed=False
)
_BURNS_FAST = Term(2700, "the hour before was good: 72% of it must be slow")


def _slo(name: str) -> dict[str, str]:
    return {"slo": name}


FAULTS: dict[str, Fault] = {
    "APIDown": Fault("every container of the API is stopped", "api stopped", (TIMEOUT,), (_COMES_UP,)),
    "APIInstanceDown": Fault(
        "one of two API containers is stopped", "one api stopped", (TIMEOUT,), (_COMES_UP,)
    ),
    "HighErrorRate": Fault(
        "every second request fails by the fault switch, under load",
        "requests fail",
        (_NOTICED, _HALF_OF_5M),
        (_NOTICED, _ALL_OF_5M),
    ),
    "HighLatency": Fault(
        "every request takes 1.5 s by the fault switch, under load",
        "requests linger",
        (_NOTICED, _HALF_OF_5M),
        (_NOTICED, _ALL_OF_5M),
    ),
    "DatabaseDown": Fault(
        "the primary ends every session and takes no new one", "database closed", (TIMEOUT,), (_COMES_UP,)
    ),
    "PostgresReplicaDown": Fault(
        "the replica ends every session and takes no new one", "database closed", (TIMEOUT,), (_COMES_UP,)
    ),
    "PostgresConnectionsHigh": Fault("sessions are opened until 88 of 100 are in use", "sessions opened"),
    "PostgresReplicationLagHigh": Fault(
        "the replica is told to receive and not to replay, while rows are written",
        "replay paused",
        (Term(30, "the lag is real time: a commit has to be that old", compressed=False),),
        (Term(5, "what was received is replayed", compressed=False),),
    ),
    "PostgresReplicaDisconnected": Fault(
        "every connection between the replica and its primary is reset",
        "replica reset",
        (Term(5, "packets are led over the wire that resets them", compressed=False),),
        (Term(10, "the replica tries again every 5 s", compressed=False),),
    ),
    "PostgresDeadlocks": Fault(
        "two transactions of the API lock two keys in opposite order, by the fault switch",
        "deadlocks",
        (
            Term(2, "the switch is noticed, and the first pair meets", compressed=False),
            Term(1, "deadlock_timeout", compressed=False),
            Term(1, "PostgreSQL writes out its statistics", compressed=False),
        ),
        (Term(4, "the last pair meets, and its statistics are written", compressed=False), _ALL_OF_5M),
    ),
    "PostgresSlowQueries": Fault(
        "pg_sleep(1.2) in the API, 60 a minute, by the fault switch",
        "queries linger",
        (_NOTICED, _HALF_OF_5M),
        (Term(2, "the last of them ends", compressed=False), _ALL_OF_5M),
    ),
    "RedisDown": Fault("the cache and the broker are stopped", "redis stopped", (TIMEOUT,), (_COMES_UP,)),
    "RedisMemoryHigh": Fault(
        "the cache is filled to 90% of maxmemory by the fault switch",
        "cache filled",
        (Term(4, "it fills", compressed=False),),
        (Term(4, "it is emptied", compressed=False),),
        {"role": "cache"},
    ),
    "RedisMaxmemoryUnset": Fault(
        "CONFIG SET maxmemory 0 in the broker", "maxmemory unset", about={"role": "broker"}
    ),
    "RedisConnectedClientsHigh": Fault(
        "1100 connections to the cache are opened by the fault switch",
        "clients connect",
        (Term(6, "they connect", compressed=False),),
        (Term(4, "they leave", compressed=False),),
        {"role": "cache"},
    ),
    "RedisHitRatioLow": Fault(
        "keys that do not exist are read, 50 a second, by the fault switch",
        "keys missed",
        (_NOTICED, _ALL_OF_10M),
        (_NOTICED, _FORGETS_10M),
        {"role": "cache"},
    ),
    "RedisCommandRateAnomaly": Fault(
        "some hundred PINGs a second are sent to the cache, once six hours of history say what is usual",
        "commands pour in",
        (_HALF_OF_5M,),
        (_ALL_OF_5M,),
        {"role": "cache"},
    ),
    "CeleryNoWorkers": Fault("every worker is killed", "workers killed", (_ASKED,), (_COMES_UP, _ASKED)),
    "CeleryWorkersMissing": Fault(
        "two workers are expected, one is killed", "one worker killed", (_ASKED,), (_COMES_UP, _ASKED)
    ),
    "SchedulerStalled": Fault(
        "the scheduler is stopped",
        "scheduler stopped",
        (Term(300, "the last run is 5m old"),),
        (_COMES_UP, Term(4, "a task is due, and runs", compressed=False)),
    ),
    "CanaryLost": Fault(
        "the scheduler is stopped: nobody sends the canary",
        "scheduler stopped",
        (Term(300, "the last success is 5m old"), Term(2, "the last one is on its way", compressed=False)),
        (_COMES_UP, Term(8, "a canary is sent, and the next finds that it came through", compressed=False)),
    ),
    "CeleryQueueBacklog": Fault(
        "1200 tasks are sent, each of which keeps a worker busy, by the fault switch",
        "tasks pile up",
        (Term(15, "they are sent", compressed=False), _ASKED),
        (Term(15, "they are worked off", compressed=False), _ASKED),
    ),
    "CeleryTaskSLABreach": Fault(
        "every task lingers beyond its SLA by the fault switch",
        "tasks linger",
        (Term(6, "the first lingering task ends", compressed=False), _ALL_OF_10M),
        (Term(6, "the last lingering task ends", compressed=False), _FORGETS_10M),
        {"task": "execute_automation"},
    ),
    "CeleryTaskFailuresHigh": Fault(
        "every second task fails by the fault switch",
        "tasks fail",
        (_NOTICED, _ALL_OF_10M),
        (_NOTICED, _FORGETS_10M),
        {"task": "execute_automation"},
    ),
    "CeleryExporterStale": Fault(
        "the way between the exporter and the broker is cut",
        "exporter cut off",
        (Term(60, "the last answer is 1m old"), Term(2, "the way is cut while it asks", compressed=False)),
        (Term(10, "its connection is tried again", compressed=False), _ASKED),
    ),
    "ExporterMetricsAbsent": Fault(
        "the way between the exporter and the broker is cut: it says nothing of the queue",
        "exporter cut off again",
        (Term(10, "the exporter's question fails", compressed=False),),
        (Term(10, "its connection is tried again", compressed=False), _ASKED),
        {"metric": "celery_queue_length"},
    ),
    "SignalHealthDegraded": Fault(
        "a tenant sends signals with a score of 10",
        "bad signals",
        (_NOTICED,),
        (Term(900, "the mean over 15m forgets"),),
        {"tenant_id": "retailx"},
    ),
    "IntegrationFailureSpike": Fault(
        "the stand-in of one ad platform refuses, by the fault switch",
        "platform refuses",
        (_NOTICED, _HALF_OF_5M),
        (_NOTICED, _ALL_OF_5M),
        {"platform": "meta"},
    ),
    "IngesterStalled": Fault(
        "the ingester stops reading, by the fault switch",
        "stream stuck",
        (_NOTICED, Term(120, "the last progress is 2m old")),
        (Term(4, "it reads again", compressed=False),),
    ),
    "IngesterStreamStuck": Fault(
        "the ingester stops reading, by the fault switch, while events come in",
        "stream stuck",
        (_NOTICED, Term(60, "an event is 1m old"), Term(1, "it looks every second", compressed=False)),
        (Term(8, "what waited is stored, and that is seen", compressed=False),),
    ),
    "VolumeNearlyFull": Fault(
        "a volume on a small tmpfs is filled to 90%",
        "volume filled",
        about={"mountpoint": "/volumes/redis-broker"},
    ),
    "DiskNearlyFull": Fault("a small tmpfs is filled to 97%", "disk filled", about={"device": "tmpfs"}),
    "AlertmanagerNotificationsFailing": Fault(
        "the inbox refuses what comes for the Watchdog's receiver",
        "notifications refused",
        (Term(60, "the Watchdog is sent every minute"), _HALF_OF_5M),
        (_ALL_OF_5M, Term(60, "the Watchdog is sent every minute")),
    ),
    "TargetDown": Fault("Loki is stopped", "loki stopped", (TIMEOUT,), (_COMES_UP,), {"job": "loki"}),
    "PrometheusRuleFailures": Fault(
        "one more rule file is loaded, whose expression matches many to many",
        "rule fails",
        (Term(2, "Prometheus reads its configuration", compressed=False), EVALUATION),
        (Term(2, "Prometheus reads its configuration", compressed=False), _ALL_OF_5M),
    ),
    "CollectorQueueFilling": Fault(
        "Loki is stopped while 260,000 lines are sent: half of the queue",
        "loki stopped",
        (Term(40, "so many lines are sent", compressed=False),),
        (_COMES_UP, Term(60, "Loki takes what waited", compressed=False)),
        {"exporter": "otlp_http/loki"},
    ),
    "TelemetryDropped": Fault(
        "a line is sent that is longer than Loki takes",
        "line too long",
        (Term(2, "the Collector hands it on", compressed=False),),
        (_ALL_OF_5M,),
    ),
    "SLOErrorBudgetBurnFast-api-availability": Fault(
        "every second request fails by the fault switch",
        "requests fail",
        (_NOTICED, _HALF_OF_5M),
        (_NOTICED, _FORGETS_30M),
        _slo("api-availability"),
    ),
    "SLOErrorBudgetBurnFast-api-latency": Fault(
        "every request takes 1.5 s by the fault switch",
        "requests linger",
        (_NOTICED, _BURNS_FAST),
        (_NOTICED, _FORGETS_30M),
        _slo("api-latency"),
    ),
    "SLOErrorBudgetBurnFast-trust-automation-success": Fault(
        "the stand-in of one ad platform refuses, by the fault switch: its automations fail",
        "platform refuses",
        (_NOTICED, _HALF_OF_5M),
        (_NOTICED, _FORGETS_30M),
        _slo("trust-automation-success"),
    ),
    "SLOErrorBudgetBurnSlow-api-availability": Fault(
        "a few in a thousand requests fail by the fault switch",
        "requests fail now and then",
        (_FEW_FAIL,),
        (_THINNED,),
        _slo("api-availability"),
    ),
    "SLOErrorBudgetBurnSlow-api-latency": Fault(
        "eight in a hundred requests take 0.7 s by the fault switch",
        "requests linger now and then",
        (_FEW_FAIL,),
        (_THINNED,),
        _slo("api-latency"),
    ),
    "SLOErrorBudgetBurnSlow-trust-automation-success": Fault(
        "a few in a hundred automations are refused by their ad platform, by the fault switch",
        "platforms refuse now and then",
        (_FEW_FAIL,),
        (_THINNED,),
        _slo("trust-automation-success"),
    ),
    "Watchdog": Fault(
        "none: it fires from the first evaluation of a Prometheus without a past",
        "prometheus begins anew",
        (
            Term(15, "Prometheus starts", compressed=False),
            Term(60, "it is sent every minute"),
        ),
        resolves=False,
    ),
}

NOT_YET: dict[str, str] = {}
"""Rules that no run has proved yet, each with the reason. Without its line here, a rule is tried and judged like the others."""


def row_of(rule: Mapping[str, Any]) -> str:
    """What tells a rule's row from another: its name, and the SLO where it has one."""
    labels = rule.get("labels", {})
    return "-".join([rule["alert"], *([labels["slo"]] if "slo" in labels else [])])


def time_to_detect(rule: Mapping[str, Any], *, factor: float, channel: bool = False) -> float:
    """Return the seconds within which an alert has to arrive on a stack compressed by *factor*.

    Args:
        rule: As its file has it.
        factor: What time is divided by.
        channel: Whether where a page is told, too, is meant, and not the page.
    """
    row = FAULTS[row_of(rule)]
    route = CHANNEL_WAIT if channel else _GROUP_WAIT[rule["labels"]["severity"]]
    wait = Term(seconds_of(rule), "for")
    terms = [SCRAPE, EVALUATION, EVALUATION, *row.becomes_true, wait, FOR_ENDS, route]
    return limit(*terms, NOTIFY, factor=factor)


def time_to_resolve(rule: Mapping[str, Any], *, factor: float) -> float:
    """Return the seconds within which every receiver has its all-clear, after the fault is healed."""
    row = FAULTS[row_of(rule)]
    keeps = Term(seconds_of(rule, "keep_firing_for"), "keep_firing_for")
    terms = [SCRAPE, EVALUATION, EVALUATION, *row.becomes_false, keeps, FOR_ENDS]
    return limit(*terms, CHANNEL_INTERVAL, NOTIFY, factor=factor)
