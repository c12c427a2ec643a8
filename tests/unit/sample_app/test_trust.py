"""The gate decides at its boundaries, once, and tells it in a span tree, a line and a count."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, Tracer
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, create_engine, event, insert, select
from sqlalchemy.pool import StaticPool

from sample_app.feed.messages import Decided
from sample_app.telemetry.context import SERVING, Serving
from sample_app.telemetry.metrics import TrustMetrics
from sample_app.telemetry.sql import trace_statements
from sample_app.telemetry.tasks import publishing, running
from sample_app.trust import gate as gate_module
from sample_app.trust.decisions import decide
from sample_app.trust.gate import Gate
from sample_app.trust.tables import EXECUTIONS
from unit.sample_app.doubles import Lines


@pytest.mark.parametrize(
    ("health", "decision", "status"),
    [
        (100, "pass", "success"),
        (70, "pass", "success"),
        (69.99, "hold", "held"),
        (40, "hold", "held"),
        (39.99, "block", "skipped"),
        (0, "block", "skipped"),
        (None, "hold", "held"),
    ],
)
def test_the_gate_decides_at_its_boundaries(health: float | None, decision: str, status: str) -> None:
    outcome = decide(health)

    assert (outcome.decision, outcome.status) == (decision, status)


@given(st.floats(0, 100), st.floats(0, 100))
def test_better_health_is_never_judged_worse(one: float, other: float) -> None:
    rank = {"block": 0, "hold": 1, "pass": 2}
    low, high = sorted((one, other))

    assert rank[decide(low).decision] <= rank[decide(high).decision]


@pytest.fixture
def engine(tracer: Tracer) -> Iterator[Engine]:
    """Return a store in memory, with PostgreSQL's clock."""
    made = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(
        made,
        "connect",
        lambda connection, _: connection.create_function(
            "clock_timestamp", 0, lambda: datetime.now(UTC).isoformat(" ").removesuffix("+00:00")
        ),
    )
    EXECUTIONS.create(made)
    trace_statements(made, tracer)
    yield made
    made.dispose()


@pytest.fixture
def execution(engine: Engine) -> UUID:
    made = uuid4()
    with engine.begin() as connection:
        connection.execute(
            insert(EXECUTIONS).values(
                id=made,
                tenant_id="acme",
                automation_id=1001,
                status="queued",
                request_id="req-1",
                enqueued_times=1,
            )
        )
    return made


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def told() -> list[Decided]:
    return []


@pytest.fixture
def gate(
    engine: Engine,
    tracer: Tracer,
    registry: CollectorRegistry,
    told: list[Decided],
    monkeypatch: pytest.MonkeyPatch,
) -> Gate:
    monkeypatch.setattr(gate_module, "signal_health", lambda *_: 55.0)
    return Gate(engine, tracer, TrustMetrics(registry), told.append)


def decisions(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value("trust_gate_decisions_total", {"decision": "hold", "tenant_id": "acme"})


def test_a_decision_is_stored_counted_logged_and_traced(  # noqa: PLR0917 - fixtures
    gate: Gate,
    execution: UUID,
    engine: Engine,
    registry: CollectorRegistry,
    exporter: InMemorySpanExporter,
    lines: Lines,
    told: list[Decided],
) -> None:
    gate.process(execution, Serving("req-1"))

    with engine.connect() as connection:
        row = connection.execute(select(EXECUTIONS)).one()
    assert (row.status, row.decision, float(row.signal_health)) == ("held", "hold", 55.0)
    assert row.decided_at is not None
    assert decisions(registry) == 1
    [decided] = told
    assert (decided.tenant_id, decided.shown.execution_id, decided.shown.decision) == (
        "acme",
        execution,
        "hold",
    )
    [line] = lines.named("automation_executed")
    assert (line["tenant_id"], line["automation_id"], line["execution_id"]) == ("acme", 1001, str(execution))
    assert (line["decision"], line["signal_health"], line["actions_taken"]) == (
        "hold",
        55.0,
        ["ask_for_review"],
    )
    spans = {span.name: span for span in exporter.get_finished_spans()}
    names = {span.context.span_id: span.name for span in spans.values()}
    assert {
        span.name: names.get(span.parent.span_id) if span.parent else None for span in spans.values()
    } == {
        "process_automation": None,
        "SELECT executions": "process_automation",
        "evaluate_signal": "process_automation",
        "make_decision": "process_automation",
        "UPDATE executions": "make_decision",
    }
    made_in = spans["process_automation"].context
    assert (decided.traceparent or "").startswith(f"00-{made_in.trace_id:032x}-{made_in.span_id:016x}-")
    parent = spans["process_automation"].attributes or {}
    assert (parent["automation_id"], parent["tenant_id"]) == (1001, "acme")
    assert dict(spans["evaluate_signal"].attributes or {}) == {"signal_health": 55.0}
    assert dict(spans["make_decision"].attributes or {}) == {"decision": "hold"}


def test_a_task_delivered_twice_decides_once(  # noqa: PLR0917 - fixtures
    gate: Gate,
    execution: UUID,
    registry: CollectorRegistry,
    lines: Lines,
    told: list[Decided],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate.process(execution, Serving("req-1"))
    monkeypatch.setattr(gate_module, "signal_health", lambda *_: 99.0)
    again = gate.process(execution, Serving("req-1"))

    assert again is None
    assert len(told) == 1
    assert decisions(registry) == 1
    assert len(lines.named("automation_executed")) == 1
    assert len(lines.named("execution_already_decided")) == 1


def test_what_fails_is_neither_stored_nor_counted(  # noqa: PLR0917 - fixtures
    gate: Gate,
    execution: UUID,
    engine: Engine,
    registry: CollectorRegistry,
    exporter: InMemorySpanExporter,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> float:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(gate_module, "signal_health", fail)
    with pytest.raises(RuntimeError):
        gate.process(execution, Serving("req-1"))

    with engine.connect() as connection:
        assert connection.execute(select(EXECUTIONS.c.status)).scalar_one() == "queued"
    assert decisions(registry) is None
    assert lines.all() == []
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert spans["evaluate_signal"].status.status_code is StatusCode.ERROR
    assert "hunter2" not in repr([dict(item.attributes or {}) for item in spans["evaluate_signal"].events])


def test_known_tenants_begin_at_zero(registry: CollectorRegistry) -> None:
    TrustMetrics(registry).expect(["acme"])

    assert decisions(registry) == 0


def test_trace_and_request_id_cross_the_queue(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    token = SERVING.set(Serving("req-7"))
    with tracer.start_as_current_span("request"), publishing(tracer, "execute_automation") as headers:
        pass
    SERVING.reset(token)
    request = SimpleNamespace(**headers, id="1", task="execute_automation", retries=0)
    with running(tracer, request) as serving:
        assert serving.request_id == "req-7"
        assert SERVING.get() is serving

    spans = {span.name: span for span in exporter.get_finished_spans()}
    run, publish = spans["run/execute_automation"], spans["apply_async/execute_automation"]
    assert run.parent is not None
    assert run.parent.span_id == publish.context.span_id
    assert (publish.kind, run.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert len({span.context.trace_id for span in spans.values()}) == 1


def test_a_task_of_the_schedulers_is_not_traced(
    tracer: Tracer, exporter: InMemorySpanExporter, engine: Engine
) -> None:
    with (
        running(tracer, SimpleNamespace(id="1", task="requeue_executions", retries=0)),
        engine.connect() as connection,
    ):
        connection.execute(select(EXECUTIONS.c.id))

    assert exporter.get_finished_spans() == ()
