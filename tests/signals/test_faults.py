"""Each fault of the application does what it says, seen from where an alert would look, and is over when it is healed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from harness.eventually import Probe, eventually
from harness.expectations import above, at_least, at_most, equals, is_not_empty
from harness.settling import counted_so_far

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clients.api import Api, Outcome
    from harness.clients.jaeger import Jaeger
    from harness.clients.loki import Loki
    from harness.clients.prometheus import Prometheus
    from harness.clients.saboteur import Saboteur
    from harness.stack import Stack

_RUN = "run/execute_automation"
_USERS = 'job="stratum-api",endpoint!~"/internal/.*|/health.*|/metrics"'


@dataclass(frozen=True)
class Symptom:
    """What a fault does to a figure."""

    fault: str
    query: str
    above: float
    """By so much a counter grows, or so high a level goes."""
    parameters: dict[str, Any] = field(default_factory=dict)
    heals_to: float | None = None
    """Where a level comes down to, if not just below; what it leaves behind would hold up whoever comes next."""
    job: str = ""
    """Whose scrapes bring a counter, which stays; a level has none: it falls again when the fault is healed."""


SYMPTOMS = (
    Symptom(
        "latency",
        f"sum(api_request_duration_seconds_count{{{_USERS}}})"
        f' - sum(api_request_duration_seconds_bucket{{{_USERS},le="0.5"}})',
        0,
        {"milliseconds": 700},
        job="stratum-api",
    ),
    Symptom(
        "errors",
        f'sum(api_requests_total{{{_USERS},status_code="500"}})',
        0,
        {"share": 1},
        job="stratum-api",
    ),
    Symptom("deadlocks", 'sum(pg_stat_database_deadlocks{datname="stratum"})', 0, job="postgres"),
    Symptom("connections", "sum(pg_stat_activity_count)", 80, {"count": 80}),
    Symptom(
        "cache-misses",
        'sum(redis_keyspace_misses_total{role="cache"})',
        50,
        {"per_second": 100},
        job="redis",
    ),
    Symptom(
        "cache-memory",
        'max(redis_memory_used_bytes{role="cache"} / redis_memory_max_bytes{role="cache"})',
        0.8,
    ),
    Symptom("cache-clients", 'max(redis_connected_clients{role="cache"})', 1_000),
    Symptom(
        "tasks-fail",
        'sum(celery_task_failures_total{task="execute_automation"})',
        0,
        {"share": 1},
        job="stratum-worker",
    ),
    Symptom(
        "slow-queries",
        'sum(pg_slow_queries_total{job="stratum-api"})',
        2,
        {"per_minute": 120},
        job="stratum-api",
    ),
    Symptom("queue-pile-up", "sum(celery_queue_length)", 1_000, heals_to=20),
)


@pytest.mark.parametrize("symptom", SYMPTOMS, ids=lambda symptom: symptom.fault)
def test_a_fault_is_seen_and_healed(
    symptom: Symptom, saboteur: Saboteur, acme: Api, prometheus: Prometheus
) -> None:
    """The figure that an alert reads goes up while the fault is on; a level comes down again after it."""
    figure = prometheus.value(symptom.query)
    before = counted_so_far(prometheus, symptom.query, job=symptom.job) if symptom.job else 0
    with saboteur.fault(symptom.fault, **symptom.parameters):
        acme.send("POST", "/api/v1/automations/1001/execute")
        eventually(figure, above(before + symptom.above), within=60)
    assert symptom.fault not in saboteur.what_is_on()
    if not symptom.job:
        eventually(
            figure, at_most(symptom.above if symptom.heals_to is None else symptom.heals_to), within=60
        )


def runs(api: Api, automation: int) -> Probe[Outcome]:
    """Run an automation each time it is asked, and say how it ended; a worker notices a switch within 0.25 s."""

    def read() -> Outcome:
        return eventually(api.outcome(api.execute(automation)), within=30)

    return Probe(f"a run of automation {automation}", api.address, read)


def ends_as(status: str, decision: str) -> Callable[[Outcome], None]:
    def expect(outcome: Outcome) -> None:
        assert (outcome.status, outcome.decision) == (status, decision), repr(outcome)

    return expect


def task_seconds(api: Api, jaeger: Jaeger) -> Probe[float]:
    """Run an automation each time it is asked, and say how long its task took."""

    def read() -> float:
        run = api.execute(1001)
        trace = eventually(
            jaeger.trace(run.trace_id), lambda trace: is_not_empty(trace.named(_RUN)), within=30
        )
        (task,) = trace.named(_RUN)
        return task.ended - task.started

    return Probe("seconds of a task", jaeger.address, read)


def test_slow_tasks_are_seen_where_their_promise_is_judged(
    saboteur: Saboteur, acme: Api, prometheus: Prometheus, jaeger: Jaeger
) -> None:
    """The histogram counts one beyond 2.5 s, its trace shows it; afterwards a task is quick again."""
    tasks = '{task="execute_automation",state="success"}'
    quick = '{task="execute_automation",state="success",le="2.5"}'
    slow = f"sum(celery_task_duration_seconds_count{tasks}) - sum(celery_task_duration_seconds_bucket{quick})"
    before = counted_so_far(prometheus, slow, job="stratum-worker")
    with saboteur.fault("tasks-slow", milliseconds=2_600):
        eventually(task_seconds(acme, jaeger), at_least(2.6), within=30)
        eventually(prometheus.value(slow), above(before), within=20)
    eventually(task_seconds(acme, jaeger), at_most(2.5), within=30)


def test_tasks_that_die_are_counted_and_run_again(
    saboteur: Saboteur, acme: Api, prometheus: Prometheus
) -> None:
    """Their process is killed, Celery's main process says so; what was asked for is done once somebody lives."""
    lost = 'sum(celery_task_failures_total{exception="WorkerLostError"})'
    before = counted_so_far(prometheus, lost, job="stratum-worker")
    with saboteur.fault("tasks-die", share=1):
        run = acme.execute(1001)
        eventually(prometheus.value(lost), above(before), within=30)
    assert eventually(acme.outcome(run), within=60).status == "success"


def test_a_tenants_degraded_signals_change_its_decisions_and_nobody_elses(
    saboteur: Saboteur, retailx: Api, acme: Api, prometheus: Prometheus, loki: Loki
) -> None:
    """Seen in what is decided, in the score that is logged and in the histogram that the alert reads."""
    lowest = 'sum(signal_health_score_bucket{tenant_id="retailx",le="20.0"})'
    before = counted_so_far(prometheus, lowest, job="stratum-worker")
    usual = runs(retailx, 3001).now()
    with saboteur.fault("signal-health", tenant_id="retailx", score=15):
        eventually(runs(retailx, 3001), ends_as("skipped", "block"), within=30)
        assert runs(acme, 1001).now().decision == "pass"
        eventually(prometheus.value(lowest), above(before), within=20)
        query = '{service_name="stratum-worker"} | event="automation_executed" | tenant_id="retailx"'
        lines = eventually(loki.lines(f'{query} | decision="block"'), is_not_empty, within=15)
    assert lines[-1]["signal_health"] == 15
    eventually(runs(retailx, 3001), equals(usual), within=30)


@pytest.mark.parametrize(
    ("failure", "error_class"),
    [("unavailable", "server_error"), ("rate-limited", "rate_limited"), ("rejected", "rejected")],
)
def test_a_failing_ad_platform_is_counted_by_what_went_wrong(
    failure: str, error_class: str, saboteur: Saboteur, acme: Api, prometheus: Prometheus
) -> None:
    """By the caller and by the platform; the run has failed, and the next one does not."""
    counted = f'sum(integration_failures_total{{tenant_id="acme",error_class="{error_class}"}})'
    refused = 'sum(ad_platform_orders_total{result="refused"})'
    before = counted_so_far(prometheus, counted, job="stratum-worker")
    refused_before = counted_so_far(prometheus, refused, job="ad-platforms")
    with saboteur.fault("ad-platform", failure=failure):
        eventually(runs(acme, 1001), ends_as("failed", "pass"), within=30)
        eventually(prometheus.value(counted), above(before), within=20)
        eventually(prometheus.value(refused), above(refused_before), within=20)
    eventually(runs(acme, 1001), ends_as("success", "pass"), within=30)


def test_slow_statements_are_over_with_their_fault(saboteur: Saboteur, prometheus: Prometheus) -> None:
    """The last one ends a second later; then none is counted any more."""
    lately = prometheus.value("sum(increase(pg_slow_queries_total[3s]))")
    with saboteur.fault("slow-queries", per_minute=120):
        eventually(lately, above(0), within=20)
    eventually(lately, equals(0), within=20)


def test_a_crashed_api_comes_back_by_itself(
    saboteur: Saboteur, stack: Stack, prometheus: Prometheus, acme: Api
) -> None:
    """The process that answers afterwards is another one, and it answers."""
    started = prometheus.value('max(process_start_time_seconds{job="stratum-api"})')
    before = eventually(started)

    saboteur.crash()

    eventually(started, above(before), within=30)
    assert acme.send("GET", "/health/ready").status == 200
    assert not stack.trouble()
