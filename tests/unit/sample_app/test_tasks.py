"""A worker's tasks: how often they are tried, at which level that is said, what is reported, counted and timed."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from billiard.exceptions import TimeLimitExceeded, WorkerLostError  # type: ignore[import-untyped]
from celery import Celery  # type: ignore[import-untyped]
from celery.exceptions import Retry  # type: ignore[import-untyped]
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry
from sqlalchemy import exc

from sample_app.faults.switchboard import Switches
from sample_app.telemetry import counted_task, names
from sample_app.telemetry.context import Serving
from sample_app.telemetry.counted_task import CountedTask, killed_by
from sample_app.telemetry.task_metrics import TaskMetrics
from sample_app.trust import tasks
from sample_app.worker_process import PROCESS, Process
from unit.sample_app.doubles import EventList, Lines

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
EXECUTION = str(UUID(int=7))


@dataclass
class Gate:
    """A gate that fails as it is told."""

    failure: Exception | None = None

    def process(self, _execution_id: UUID, serving: Serving) -> None:
        """Fail, or not."""
        assert (serving.request_id, serving.tenant_id) == ("req-7", "acme")
        if self.failure is not None:
            raise self.failure


@dataclass
class Task:
    """Celery's view of one run."""

    retries: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)

    @property
    def request(self) -> SimpleNamespace:
        """What came with the message."""
        carried = {"traceparent": TRACEPARENT, "request_id": "req-7", "tenant_id": "acme"}
        return SimpleNamespace(id="1", task=names.TASK_EXECUTE, retries=self.retries, **carried)

    def retry(self, **how: Any) -> Retry:  # noqa: ANN401 - Celery's
        """Note how it is to be tried again."""
        self.asked.append(how)
        return Retry()


@pytest.fixture
def gate(tracer: Tracer, monkeypatch: pytest.MonkeyPatch) -> Gate:
    made = Gate()
    process = SimpleNamespace(tracer=tracer, gate=made, switches=Switches())
    monkeypatch.setattr(PROCESS, "_process", cast("Process", process))
    return made


def away() -> Exception:
    return exc.OperationalError("SELECT", {}, Exception("no connection"))


def test_while_the_database_is_away_it_is_tried_again_in_the_same_trace(
    gate: Gate, lines: Lines, errors: EventList
) -> None:
    gate.failure, task = away(), Task(retries=1)
    with pytest.raises(Retry):
        tasks.execute_automation(task, EXECUTION)

    [how] = task.asked
    assert how["headers"] == {"traceparent": TRACEPARENT, "request_id": "req-7", "tenant_id": "acme"}
    assert how["countdown"] == 4
    [line] = lines.named("execution_retried")
    assert (line["level"], line["attempt"], line["request_id"]) == ("warning", 2, "req-7")
    assert errors.events == []


def test_the_last_attempt_is_an_error_and_one_event(gate: Gate, lines: Lines, errors: EventList) -> None:
    gate.failure, task = away(), Task(retries=4)
    tasks.execute_automation(task, EXECUTION)

    assert task.asked == []
    assert [line["level"] for line in lines.named("execution_postponed")] == ["error"]
    assert [event["tags"]["request_id"] for event in errors.events] == ["req-7"]


def test_what_nobody_expected_is_one_event_and_is_not_tried_again(
    gate: Gate, lines: Lines, errors: EventList
) -> None:
    gate.failure, task = RuntimeError("a defect"), Task()
    with pytest.raises(RuntimeError):
        tasks.execute_automation(task, EXECUTION)

    assert task.asked == []
    assert [line["level"] for line in lines.named("task_failed")] == ["error"]
    [event] = errors.events
    tags = {key: event["tags"][key] for key in ("service", "trace_id", "request_id", "tenant_id")}
    assert tags == {
        "service": "stratum-api",
        "trace_id": TRACEPARENT.split("-")[1],
        "request_id": "req-7",
        "tenant_id": "acme",
    }


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch) -> TaskMetrics:
    """Metrics whose every task takes two seconds."""
    clock = iter(range(0, 100, 2))
    monkeypatch.setattr(counted_task, "perf_counter", clock.__next__)
    return TaskMetrics(registry)


def ran(
    metrics: TaskMetrics,
    monkeypatch: pytest.MonkeyPatch,
    *endings: Exception | None,
    task: str = names.TASK_EXECUTE,
) -> None:
    """Let Celery itself run a task of ours, once for each way to end."""
    monkeypatch.setattr(CountedTask, "metrics", metrics, raising=False)
    remaining = iter(endings)

    def body() -> None:
        if (error := next(remaining)) is not None:
            raise error

    run = Celery(set_as_current=False).task(body, name=task, base=CountedTask)
    for _ in endings:
        run.apply()


def timed(registry: CollectorRegistry, state: str, what: str = "count") -> float | None:
    labels = {"task": names.TASK_EXECUTE, "queue": names.QUEUE, "state": state}
    return registry.get_sample_value(f"celery_task_duration_seconds_{what}", labels)


def test_each_run_is_timed_once_under_how_it_ended(
    metrics: TaskMetrics, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that is tried again is no success, and no second one."""
    metrics.expect()
    ran(metrics, monkeypatch, Retry(), None, ValueError())

    assert {state: timed(registry, state) for state in names.TASK_STATES} == {
        "success": 1,
        "failure": 1,
        "retry": 1,
    }
    assert timed(registry, "success", "sum") == 2


def test_failures_are_counted_by_exceptions_that_are_known(
    metrics: TaskMetrics, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics.expect()
    ran(metrics, monkeypatch, away(), KeyError("a"), ValueError("b"), Retry(), None)

    def failures(exception: str) -> float | None:
        labels = {"task": names.TASK_EXECUTE, "queue": names.QUEUE, "exception": exception}
        return registry.get_sample_value("celery_task_failures_total", labels)

    assert {name: failures(name) for name in (*names.TASK_EXCEPTIONS, names.OTHER)} == {
        **dict.fromkeys(names.TASK_EXCEPTIONS, 0),
        "OperationalError": 1,
        "other": 2,
    }
    assert failures("KeyError") is None


@pytest.mark.parametrize(("ending", "is_there"), [(None, True), (ValueError(), False)])
def test_a_scheduled_task_was_run_once_it_succeeded(
    ending: Exception | None,
    is_there: bool,  # noqa: FBT001 - a parameter of the test
    metrics: TaskMetrics,
    registry: CollectorRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran(metrics, monkeypatch, ending, task=names.TASK_CANARY)

    last = registry.get_sample_value(names.SCHEDULED_LAST_RUN.name, {"task": names.TASK_CANARY})
    assert (last is not None) == is_there


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (WorkerLostError("signal 9"), "WorkerLostError"),
        (SystemExit(1), "WorkerLostError"),
        (TimeLimitExceeded(30), "TimeLimitExceeded"),
        (ValueError("only the run failed"), None),
    ],
)
def test_a_run_that_ends_with_its_process_is_told_from_one_that_only_failed(
    error: BaseException, kind: str | None
) -> None:
    assert killed_by(error) == kind


def test_a_run_that_ends_with_its_process_is_a_failure_that_took_a_while(
    metrics: TaskMetrics, registry: CollectorRegistry
) -> None:
    """Celery hands its message out again and calls it no failure, so nobody else counts it."""
    metrics.failed(names.TASK_EXECUTE, "WorkerLostError", 3.0)

    labels = {"task": names.TASK_EXECUTE, "queue": names.QUEUE, "exception": "WorkerLostError"}
    assert registry.get_sample_value("celery_task_failures_total", labels) == 1
    assert (timed(registry, "failure"), timed(registry, "failure", "sum")) == (1, 3)
