"""Each fault of the application does what it says, seen from where an alert would look, and is over when it is healed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from harness.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clients.api import Api
    from harness.clients.prometheus import Prometheus
    from harness.clients.saboteur import Saboteur
    from harness.stack import Stack

_USERS = 'job="stratum-api",endpoint!~"/internal/.*|/health.*|/metrics"'


@dataclass(frozen=True)
class Symptom:
    """What a fault does to a figure."""

    fault: str
    query: str
    above: float
    """By so much a counter grows, or so high a level goes."""
    parameters: dict[str, Any] = field(default_factory=dict)
    is_level: bool = False
    """A level falls again when the fault is healed; a counter stays."""


SYMPTOMS = (
    Symptom(
        "latency",
        f"sum(api_request_duration_seconds_count{{{_USERS}}})"
        f' - sum(api_request_duration_seconds_bucket{{{_USERS},le="0.5"}})',
        0,
        {"milliseconds": 700},
    ),
    Symptom("errors", f'sum(api_requests_total{{{_USERS},status_code="500"}})', 0, {"share": 1}),
    Symptom("deadlocks", 'sum(pg_stat_database_deadlocks{datname="stratum"})', 0),
    Symptom("connections", "sum(pg_stat_activity_count)", 80, {"count": 80}, is_level=True),
    Symptom("cache-misses", 'sum(redis_keyspace_misses_total{role="cache"})', 50, {"per_second": 100}),
    Symptom(
        "cache-memory",
        'max(redis_memory_used_bytes{role="cache"} / redis_memory_max_bytes{role="cache"})',
        0.8,
        is_level=True,
    ),
    Symptom("cache-clients", 'max(redis_connected_clients{role="cache"})', 1_000, is_level=True),
    Symptom(
        "tasks-fail",
        'sum(celery_task_failures_total{task="execute_automation"})',
        0,
        {"share": 1},
    ),
    Symptom("queue-pile-up", "sum(celery_queue_length)", 1_000, is_level=True),
)


def above(least: float) -> Callable[[float], None]:
    def expect(value: float) -> None:
        assert value > least, f"{value:g} is not above {least:g}"

    return expect


def not_above(most: float) -> Callable[[float], None]:
    def expect(value: float) -> None:
        assert value <= most, f"{value:g} is above {most:g}"

    return expect


@pytest.mark.parametrize("symptom", SYMPTOMS, ids=lambda symptom: symptom.fault)
def test_a_fault_is_seen_and_healed(
    symptom: Symptom, saboteur: Saboteur, acme: Api, prometheus: Prometheus
) -> None:
    """The figure that an alert reads goes up while the fault is on; a level comes down again after it."""
    figure = prometheus.value(symptom.query)
    least = symptom.above if symptom.is_level else figure.now() + symptom.above
    with saboteur.fault(symptom.fault, **symptom.parameters):
        acme.send("POST", "/api/v1/automations/1001/execute")
        eventually(figure, above(least), within=20)
    assert symptom.fault not in saboteur.what_is_on()
    if symptom.is_level:
        eventually(figure, not_above(symptom.above), within=20)


def test_a_crashed_api_comes_back_by_itself(
    saboteur: Saboteur, stack: Stack, prometheus: Prometheus, acme: Api
) -> None:
    """The process that answers afterwards is another one, and it answers."""
    started = prometheus.value('max(process_start_time_seconds{job="stratum-api"})')
    before = started.now()

    saboteur.crash()

    eventually(started, above(before), within=30)
    assert acme.send("GET", "/health/ready").status == 200
    assert not stack.trouble()
