"""The gate decides at its boundaries, once, and tells it in a span tree, a line and a count."""

from collections.abc import Iterator
from dataclasses import dataclass, field
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

from sample_app.database import METADATA
from sample_app.feed.messages import Decided
from sample_app.integrations.client import Order
from sample_app.telemetry.context import SERVING, Serving
from sample_app.telemetry.metrics import TrustMetrics
from sample_app.telemetry.sql import trace_statements
from sample_app.telemetry.tasks import publishing, running
from sample_app.tenancy import TENANTS
from sample_app.trust import gate as gate_module
from sample_app.trust.decisions import decide
from sample_app.trust.gate import Gate
from sample_app.trust.tables import AUTOMATIONS, EXECUTIONS
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
    METADATA.create_all(made, [TENANTS, AUTOMATIONS, EXECUTIONS])
    with made.begin() as connection:
        connection.execute(insert(TENANTS).values(id="acme", name="Acme", enabled=True))
        connection.execute(
            insert(AUTOMATIONS).values(
                id=1001, tenant_id="acme", name="a", automation_type="budget_shift", platform="google"
            )
        )
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


@dataclass
class Orders:
    """Ad platforms that note what they are asked, and do it or not."""

    able: bool = True
    taken: list[Order] = field(default_factory=list)

    def carry_out(self, order: Order) -> bool:
        """Note it."""
        self.taken.append(order)
        return self.able


@pytest.fixture
def platforms() -> Orders:
    return Orders()


@pytest.fixture
def gate(  # noqa: PLR0917 - fixtures
    engine: Engine,
    tracer: Tracer,
    registry: CollectorRegistry,
    told: list[Decided],
    platforms: Orders,
    monkeypatch: pytest.MonkeyPatch,
) -> Gate:
    monkeypatch.setattr(gate_module, "latest_scores", lambda *_: {"conversion": 50.0, "delivery": 60.0})
    return Gate(engine, tracer, TrustMetrics(registry), told.append, platforms)


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
    monkeypatch.setattr(gate_module, "latest_scores", lambda *_: {"conversion": 99.0})
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
    def fail(*_: object) -> dict[str, float]:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(gate_module, "latest_scores", fail)
    with pytest.raises(RuntimeError):
        gate.process(execution, Serving("req-1"))

    with engine.connect() as connection:
        assert connection.execute(select(EXECUTIONS.c.status)).scalar_one() == "queued"
    assert decisions(registry) is None
    assert lines.all() == []
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert spans["evaluate_signal"].status.status_code is StatusCode.ERROR
    assert "hunter2" not in repr([dict(item.attributes or {}) for item in spans["evaluate_signal"].events])


@pytest.fixture
def healthy(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - after its own scores
    monkeypatch.setattr(gate_module, "latest_scores", lambda *_: {"conversion": 90.0})


def executions(registry: CollectorRegistry, status: str) -> float | None:
    labels = {"automation_type": "budget_shift", "status": status, "tenant_id": "acme"}
    return registry.get_sample_value("automation_executions_total", labels)


@pytest.mark.usefixtures("healthy")
def test_what_passes_is_carried_out_once_by_its_platform(
    gate: Gate, execution: UUID, platforms: Orders, registry: CollectorRegistry
) -> None:
    gate.process(execution, Serving("req-1"))
    gate.process(execution, Serving("req-1"))

    assert platforms.taken == [Order("google", "acme", 1001, "budget_shift", execution)]
    assert executions(registry, "success") == 1


@pytest.mark.usefixtures("healthy")
def test_what_the_platform_refuses_has_failed_in_every_signal(  # noqa: PLR0917 - fixtures
    gate: Gate,
    execution: UUID,
    platforms: Orders,
    registry: CollectorRegistry,
    engine: Engine,
    lines: Lines,
) -> None:
    platforms.able = False
    gate.process(execution, Serving("req-1"))

    with engine.connect() as connection:
        row = connection.execute(select(EXECUTIONS.c.status, EXECUTIONS.c.decision)).one()
    assert tuple(row) == ("failed", "pass")
    assert (executions(registry, "failed"), executions(registry, "success")) == (1, None)
    [line] = lines.named("automation_executed")
    assert (line["status"], line["decision"], line["actions_taken"]) == ("failed", "pass", [])


@pytest.mark.usefixtures("healthy")
def test_a_worker_that_died_before_the_platform_answered_is_followed_up_without_a_second_judgement(  # noqa: PLR0917
    gate: Gate,
    execution: UUID,
    platforms: Orders,
    registry: CollectorRegistry,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(_order: Order) -> bool:
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(platforms, "carry_out", die)
        with pytest.raises(SystemExit):
            gate.process(execution, Serving("req-1"))
    monkeypatch.setattr(gate_module, "latest_scores", lambda *_: {"conversion": 1.0})
    gate.process(execution, Serving("req-1"))

    labels = {"decision": "pass", "tenant_id": "acme"}
    assert registry.get_sample_value("trust_gate_decisions_total", labels) == 1
    assert executions(registry, "success") == 1
    [line] = lines.named("automation_executed")
    assert (line["decision"], line["signal_health"]) == ("pass", 90.0)


@pytest.mark.parametrize("decision", ["hold", "block"])
def test_what_does_not_pass_is_asked_of_nobody(
    decision: str, gate: Gate, execution: UUID, platforms: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = {"hold": 55.0, "block": 5.0}[decision]
    monkeypatch.setattr(gate_module, "latest_scores", lambda *_: {"conversion": score})
    outcome = gate.process(execution, Serving("req-1"))

    assert outcome is not None
    assert outcome.decision == decision
    assert platforms.taken == []


def test_the_scores_of_a_decision_are_observed_by_type(
    gate: Gate, execution: UUID, registry: CollectorRegistry
) -> None:
    gate.process(execution, Serving("req-1"))

    def observed(kind: str) -> float | None:
        labels = {"signal_type": kind, "tenant_id": "acme"}
        return registry.get_sample_value("signal_health_score_sum", labels)

    assert (observed("conversion"), observed("delivery")) == (50.0, 60.0)


def test_known_tenants_begin_at_zero(registry: CollectorRegistry) -> None:
    TrustMetrics(registry).expect(["acme"])

    assert decisions(registry) == 0


def test_trace_request_and_tenant_cross_the_queue(tracer: Tracer, exporter: InMemorySpanExporter) -> None:
    token = SERVING.set(Serving("req-7", tenant_id="acme"))
    with tracer.start_as_current_span("request"), publishing(tracer, "execute_automation") as headers:
        pass
    SERVING.reset(token)
    request = SimpleNamespace(**headers, id="1", task="execute_automation", retries=0)
    with running(tracer, request) as serving:
        assert (serving.request_id, serving.tenant_id) == ("req-7", "acme")
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
