"""A process that ends in order takes nothing with it: the API told to stop, a worker told to stop, a worker's child replaced."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from harness import loss
from harness.containers import containers_of
from harness.eventually import Probe, Unmet, eventually
from harness.expectations import (
    at_least,
    equals,
    has_length,
    is_connected,
    is_empty,
    is_not_empty,
    later_than,
)
from harness.loss import LossRow, settled
from harness.settling import counted_so_far

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from harness.clients.api import Api
    from harness.clients.database import Database
    from harness.clients.jaeger import Jaeger
    from harness.clients.loki import Loki
    from harness.clients.prometheus import Prometheus
    from harness.faults import Faults
    from harness.measurements import Measurements
    from harness.traffic import Traffic

pytestmark = pytest.mark.slow

RATE = 40.0
REPLACED_AFTER = 40  # tasks, in a private stack (harness.stack)
WORKERS = 2
WORKER = "stratum-worker"  # their job
CHILDREN = 4  # of them
PROMPT_STOP = 8.0  # the workers are killed after 20 s
_SIGNAL_CHILDREN = """
import os, pathlib, signal, sys

def told(process, name):
    return pathlib.Path("/proc", process, name).read_text()

for one in filter(str.isdigit, os.listdir("/proc")):
    try:
        parent = told(one, "stat").rpartition(")")[2].split()[1]
        if "sample_app.worker" in told(one, "cmdline") and "sample_app.worker" in told(parent, "cmdline"):
            os.kill(int(one), signal.Signals[sys.argv[1]])
    except (FileNotFoundError, ProcessLookupError):
        pass  # it ended meanwhile
"""
API_SPANS = (
    "POST /api/v1/automations/{automation_id}/execute",
    "INSERT executions",
    "apply_async/execute_automation",
)
WORKER_SPANS = ("run/execute_automation", "process_automation", "evaluate_signal", "make_decision")
COUNTED = (
    'sum(trust_gate_decisions_total{tenant_id="acme"})',
    'sum(signal_health_score_count{tenant_id="acme",signal_type="conversion"})',
)


def of_each(ids: Collection[str], names: Collection[str]) -> list[str]:
    return [loss.span_id(trace_id, name) for trace_id in ids for name in names]


def whole(jaeger: Jaeger, ids: Collection[str]) -> None:
    """Expect of each trace that every span leads back to its first."""
    for trace_id in ids:
        eventually(jaeger.trace(trace_id), is_connected, within=15)


@pytest.mark.parametrize("service", ["api", "worker"])
def test_a_process_that_is_told_to_stop_sends_its_spans_first(  # noqa: PLR0917 - fixtures
    service: str,
    executing: Callable[[float], Traffic],
    faults: Faults,
    jaeger: Jaeger,
    database: Database,
    losses: Measurements,
) -> None:
    """SIGTERM right after the last answer; the workers have tasks in hand then, and more in their queue.

    The scheduler is away: what waits for the workers longer than usual, it would rightly send again.
    """
    traffic = executing(RATE)
    answered = Probe("runs of the traffic", __name__, lambda: len(traffic.answered(202)))
    with faults.stopped("scheduler"):
        with traffic.flowing():
            traffic.goes_on_for(2)
            eventually(answered, at_least(RATE / 2), within=30, every=0.05)
        with faults.stopped(service):
            pass
        ids = traffic.ids(202)
        settled(loss.rows(database, traffic.prefix, decided=True), ids, patience=30)
    # what a busy API left to the scheduler is sent now
    settled(loss.rows(database, traffic.prefix, decided=True), ids, patience=30)

    names = (*API_SPANS, *WORKER_SPANS)
    comparison = settled(loss.spans(jaeger, ids, names), of_each(ids, names))
    row = LossRow.of(f"spans lost, {service} told to stop", comparison, unit="spans")
    assert losses.add(row) == "holds", str(comparison)
    whole(jaeger, ids)


@pytest.fixture
def signal_children(faults: Faults) -> Iterator[Callable[[str], None]]:
    """Return what sends a signal to the pool processes of every worker; in the end they all go on."""

    def send(name: str) -> None:
        for container in containers_of(faults.client, faults.stack.environment.project, "worker"):
            sent = container.exec_run(["python3", "-c", _SIGNAL_CHILDREN, name])
            assert sent.exit_code == 0, sent.output

    try:
        yield send
    finally:
        send("SIGCONT")


def test_a_task_whose_beginning_is_not_yet_heard_of_is_waited_for(  # noqa: PLR0917 - fixtures
    signal_children: Callable[[str], None],
    acme: Api,
    faults: Faults,
    prometheus: Prometheus,
    loki: Loki,
    jaeger: Jaeger,
) -> None:
    """The workers are told to stop when their processes were just given their tasks: each is run to its end, and once.

    The scheduler is away: its own tasks would be in hand instead, and it would send again what waits for too long.
    """
    with faults.stopped("scheduler"):
        for left in ("celery_queue_length", "celery_queue_unacked"):
            eventually(prometheus.value(left), equals(0), within=60)
        eventually(prometheus.value("celery_workers_active"), equals(WORKERS), within=60)
        signal_children("SIGSTOP")
        runs = [acme.execute(1001) for _ in range(CHILDREN)]
        eventually(prometheus.value("celery_queue_unacked"), at_least(CHILDREN), within=15)

        farewells = loki.lines('{service_name="stratum-worker"} |= "Warm shutdown"', since=time.time())
        with ThreadPoolExecutor(1) as meanwhile:
            stopping = meanwhile.submit(faults.restart, "worker")
            eventually(farewells, has_length(WORKERS), within=15)
            going_on = time.time()
            signal_children("SIGCONT")
            (fault,) = stopping.result()
        assert fault.at + fault.seconds - going_on < PROMPT_STOP

        for run in runs:
            eventually(acme.outcome(run), within=30)
    ids = [run.trace_id for run in runs]
    comparison = settled(loss.spans(jaeger, ids, WORKER_SPANS), of_each(ids, WORKER_SPANS))
    assert not comparison.doubled, str(comparison)
    assert not comparison.missing, str(comparison)


def children(faults: Faults) -> frozenset[str]:
    """Name the pool processes of both workers: those whose parent is there too, which a health check's is not."""
    found: set[str] = set()
    for container in containers_of(faults.client, faults.stack.environment.project, "worker"):
        listed = container.top()
        pid, parent = (listed["Titles"].index(title) for title in ("PID", "PPID"))
        mains = {process[pid] for process in listed["Processes"]}
        found.update(process[pid] for process in listed["Processes"] if process[parent] in mains)
    return frozenset(found)


@dataclass(frozen=True)
class Replacement:
    """So many tasks that children were replaced, how many were decided, and what was counted more."""

    traffic: Traffic
    decided: int
    counted: dict[str, float]


@pytest.fixture(scope="module")
def replacement(
    executing: Callable[[float], Traffic], faults: Faults, database: Database, prometheus: Prometheus
) -> Replacement:
    """Four children share the tasks, so one of them gets more than its due."""
    queued = database.rows("SELECT id FROM executions WHERE tenant_id = 'acme' AND status = 'queued'")
    eventually(queued, is_empty, within=60)  # what earlier tests left
    counted = {query: counted_so_far(prometheus, query, job=WORKER) for query in COUNTED}
    pool = Probe("pool processes of the workers", "docker top", lambda: children(faults))
    before = eventually(pool, has_length(CHILDREN), within=15)

    traffic, enough = executing(RATE), REPLACED_AFTER * CHILDREN + 10
    with traffic.flowing():
        sent = Probe("requests of the traffic", __name__, lambda: len(traffic.sent))
        eventually(sent, at_least(enough), within=60)
    # an answer that came too late for its client is a run all the same
    eventually(queued, is_empty, within=60)
    decided = len(set(loss.rows(database, traffic.prefix, decided=True).now()))

    gone = Probe("pool processes that were replaced", "docker top", lambda: before - children(faults))
    eventually(gone, is_not_empty, within=15)
    # asked here: another test of this module may restart the workers before the next one asks, and they count from zero
    more: dict[str, float] = {}
    for query, before_it in counted.items():
        with suppress(Unmet):  # the test says what it is instead
            eventually(prometheus.value(query), equals(before_it + decided), within=30)
        eventually(prometheus.scraped_at(WORKER), later_than(time.time() + 3), within=45)
        more[query] = counted_so_far(prometheus, query, job=WORKER) - before_it
    return Replacement(traffic, decided, more)


def test_a_child_that_is_replaced_sends_its_spans_first(
    replacement: Replacement, jaeger: Jaeger, losses: Measurements
) -> None:
    """It ends without the interpreter's own exit handlers: whatever is not sent by then is lost."""
    ids = replacement.traffic.ids(202)
    found = loss.spans(jaeger, ids, WORKER_SPANS, again=loss.DELIVERIES)
    comparison = settled(found, of_each(ids, WORKER_SPANS))
    row = LossRow.of("spans lost, worker's children replaced", comparison, unit="spans")
    assert losses.add(row) == "holds", str(comparison)


@pytest.mark.parametrize("query", COUNTED, ids=["counter", "histogram"])
def test_what_a_replaced_child_counted_is_counted_once(query: str, replacement: Replacement) -> None:
    """Its file is merged with those of the other dead ones, which must neither drop nor repeat it."""
    assert replacement.counted[query] == replacement.decided
