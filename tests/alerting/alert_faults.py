"""Which real fault makes each alert fire, and how long its expression takes to become true: a row an alert.

The end-to-end tests inflict the fault and wait no longer than `time_to_detect`: scrape, two evaluations (a recorded value,
then the alert), what the row says, `for` and the wait of the route. Terms are seconds with a reason; those that no
configuration moves are not compressed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alerting.limits import EVALUATION, FOR_ENDS, NOTIFY, SCRAPE, TIMEOUT, Term, limit
from harness.durations import milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Fault:
    """What is broken, and what it takes until a rule can see it."""

    fault: str
    becomes_true: tuple[Term, ...] = ()


_GROUP_WAIT = {
    "critical": Term(10, "group_wait of critical alerts"),
    "warning": Term(30, "group_wait of the channel"),
    "info": Term(30, "group_wait of the root route"),
    "none": Term(0, "group_wait of the Watchdog"),
}
_HALF_OF_5M = Term(150, "a rate over 5m rises to half of its value: the fault is twice the threshold")
_ALL_OF_10M = Term(600, "a rate over 10m is full")
_RETRIED = Term(60, "Alertmanager retries a failed notification before it counts it", compressed=False)

FAULTS: dict[str, Fault] = {
    "APIDown": Fault("every container of the API is stopped", (TIMEOUT,)),
    "APIInstanceDown": Fault("one of two API containers is stopped", (TIMEOUT,)),
    "HighErrorRate": Fault("every second request fails by the fault switch, under load", (_HALF_OF_5M,)),
    "HighLatency": Fault("every request takes 1.5 s by the fault switch, under load", (_HALF_OF_5M,)),
    "DatabaseDown": Fault("the primary is stopped", (TIMEOUT,)),
    "PostgresReplicaDown": Fault("the replica is stopped", (TIMEOUT,)),
    "PostgresConnectionsHigh": Fault("85 idle sessions are opened"),
    "PostgresReplicationLagHigh": Fault(
        "the replica replays with a delay of 45 s while rows are written",
        (Term(45, "the lag is real time: a commit has to be that old", compressed=False),),
    ),
    "PostgresReplicaDisconnected": Fault(
        "the replica is cut off the network",
        (Term(60, "wal_sender_timeout: the primary keeps the sender until then", compressed=False),),
    ),
    "PostgresDeadlocks": Fault(
        "two transactions lock two rows in opposite order",
        (
            Term(1, "deadlock_timeout", compressed=False),
            Term(1, "PostgreSQL writes out its statistics", compressed=False),
        ),
    ),
    "PostgresSlowQueries": Fault("pg_sleep(1.1) in requests, 30 a minute", (_HALF_OF_5M,)),
    "RedisDown": Fault("the cache, then the broker, is stopped", (TIMEOUT,)),
    "RedisMemoryHigh": Fault("the cache is filled to 90% of maxmemory"),
    "RedisMaxmemoryUnset": Fault("CONFIG SET maxmemory 0"),
    "RedisConnectedClientsHigh": Fault("1100 connections are opened"),
    "RedisHitRatioLow": Fault("keys that do not exist are read, 50 a second", (_ALL_OF_10M,)),
    "RedisCommandRateAnomaly": Fault(
        "200 PINGs a second after a baseline of 60",
        (Term(21600, "the baseline wants six hours of history"), _HALF_OF_5M),
    ),
    "CeleryNoWorkers": Fault(
        "the worker is killed", (Term(5, "the exporter asks every 5 s", compressed=False),)
    ),
    "CeleryWorkersMissing": Fault(
        "two workers are expected, one runs", (Term(5, "the exporter asks every 5 s", compressed=False),)
    ),
    "SchedulerStalled": Fault("the scheduler is stopped", (Term(300, "the last run is 5m old"),)),
    "CeleryQueueBacklog": Fault(
        "1100 tasks are sent that nobody carries out",
        (Term(5, "the exporter asks every 5 s", compressed=False),),
    ),
    "CeleryTaskSLABreach": Fault("every task lingers beyond its SLA by the fault switch", (_ALL_OF_10M,)),
    "CeleryTaskFailuresHigh": Fault("every second task fails by the fault switch", (_ALL_OF_10M,)),
    "CeleryExporterStale": Fault("the broker is paused", (Term(60, "the last answer is 1m old"),)),
    "SignalHealthDegraded": Fault("a tenant sends signals with a score of 10", (_HALF_OF_5M,)),
    "IntegrationFailureSpike": Fault("the stand-in of one ad platform answers 500", (_HALF_OF_5M,)),
    "IngesterStalled": Fault("the ingester is paused", (Term(120, "the last progress is 2m old"),)),
    "IngesterStreamStuck": Fault("the primary is locked against writes", (Term(60, "an event is 1m old"),)),
    "DiskNearlyFull": Fault("a volume on a small tmpfs is filled to 96%"),
    "VolumeNearlyFull": Fault("a volume on a small tmpfs is filled to 90%"),
    "CanaryLost": Fault("the canary's tenant is disabled", (Term(300, "the last success is 5m old"),)),
    "AlertmanagerNotificationsFailing": Fault(
        "the inbox answers one receiver with 500", (_RETRIED, _HALF_OF_5M)
    ),
    "TargetDown": Fault("an exporter is stopped", (TIMEOUT,)),
    "ExporterMetricsAbsent": Fault(
        "the broker's exporter is pointed at nothing and restarted",
        (Term(300, "a series of a vanished target is remembered for 5m", compressed=False),),
    ),
    "PrometheusRuleFailures": Fault("a scrape brings two series that a rule cannot tell apart"),
    "CollectorQueueFilling": Fault("Loki is stopped while lines pour in, into a queue of 1000"),
    "TelemetryDropped": Fault("Loki refuses lines that are too long"),
    "SLOErrorBudgetBurnFast": Fault(
        "every request fails, or is slow, or every automation fails, for hours",
        (Term(2700, "the hour before was good: 72% of it must be slow"),),
    ),
    "SLOErrorBudgetBurnSlow": Fault("the same, for longer", (Term(3600, "the three days before were good"),)),
    "Watchdog": Fault("none: it fires from the first evaluation on"),
}


def time_to_detect(rule: Mapping[str, Any], *, factor: float) -> float:
    """Return the seconds within which an alert has to arrive on a stack compressed by *factor*."""
    row = FAULTS[rule["alert"]]
    wait = milliseconds(str(rule.get("for", "0"))) / 1000
    terms = [SCRAPE, EVALUATION, EVALUATION, *row.becomes_true, Term(wait, "for"), FOR_ENDS]
    return limit(*terms, _GROUP_WAIT[rule["labels"]["severity"]], NOTIFY, factor=factor)
