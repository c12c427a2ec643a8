"""The trust gate at work: one execution, decided once, in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import structlog
from opentelemetry.trace import Tracer
from sqlalchemy import Connection, Engine, Row, func, select, update

from sample_app.faults.switchboard import Switches
from sample_app.faults.tasks import signal_health as signal_health_under_fault
from sample_app.feed.messages import Decided, Shown
from sample_app.telemetry import names
from sample_app.telemetry.context import Serving
from sample_app.telemetry.metrics import TrustMetrics
from sample_app.telemetry.tracing import headers_of_current_span, span
from sample_app.trust.decisions import Outcome, decide
from sample_app.trust.tables import EXECUTIONS, SIGNALS

_LOG = structlog.get_logger()


@dataclass(frozen=True)
class Gate:
    """Decides executions."""

    engine: Engine
    tracer: Tracer
    metrics: TrustMetrics
    tell: Callable[[Decided], None]
    """Shows a decision to whoever follows the live feed."""
    switches: Switches = field(default_factory=Switches)

    def process(self, execution_id: UUID, serving: Serving) -> Outcome | None:
        """Decide an execution; None when there is nothing left to decide."""
        with span(self.tracer, names.SPAN_PROCESS, {"execution_id": str(execution_id)}) as current:
            with self.engine.begin() as connection:
                row = _lock(connection, execution_id)
                if row is None:
                    _LOG.warning("execution_unknown", execution_id=str(execution_id))
                    return None
                serving.tenant_id = row.tenant_id
                current.set_attributes({"automation_id": row.automation_id, "tenant_id": row.tenant_id})
                if row.status != "queued":
                    # delivered twice: the broker does that after a worker's death
                    _LOG.info("execution_already_decided", execution_id=str(execution_id), status=row.status)
                    return None
                health = self._evaluate(connection, row.tenant_id)
                outcome = self._decide(connection, execution_id, health)
            # only what is committed is counted and told
            self.metrics.decided(outcome.decision, row.tenant_id)
            _LOG.info(
                names.EVENT_EXECUTED,
                automation_id=row.automation_id,
                execution_id=str(execution_id),
                tenant_id=row.tenant_id,
                signal_health=health,
                decision=outcome.decision,
                status=outcome.status,
                actions_taken=list(outcome.actions_taken),
            )
            shown = Shown(
                execution_id=execution_id,
                automation_id=row.automation_id,
                decision=outcome.decision,
                status=outcome.status,
                signal_health=health,
                decided_at=datetime.now(UTC),
            )
            traceparent = headers_of_current_span().get("traceparent")
            self.tell(Decided(tenant_id=row.tenant_id, traceparent=traceparent, shown=shown))
            return outcome

    def _evaluate(self, connection: Connection, tenant_id: str) -> float | None:
        with span(self.tracer, names.SPAN_EVALUATE) as current:
            meddled = signal_health_under_fault(self.switches, tenant_id)
            health = signal_health(connection, tenant_id) if meddled is None else meddled
            if health is not None:
                current.set_attribute("signal_health", health)
            return health

    def _decide(self, connection: Connection, execution_id: UUID, health: float | None) -> Outcome:
        with span(self.tracer, names.SPAN_DECIDE) as current:
            outcome = decide(health)
            current.set_attribute("decision", outcome.decision)
            connection.execute(
                update(EXECUTIONS)
                .where(EXECUTIONS.c.id == execution_id)
                .values(
                    status=outcome.status,
                    decision=outcome.decision,
                    signal_health=health,
                    decided_at=func.clock_timestamp(),
                )
            )
            return outcome


def signal_health(connection: Connection, tenant_id: str) -> float | None:
    """Return the mean of the tenant's latest score of each signal type; None without signals."""
    latest = (
        select(SIGNALS.c.score)
        .distinct(SIGNALS.c.signal_type)
        .where(SIGNALS.c.tenant_id == tenant_id)
        .order_by(SIGNALS.c.signal_type, SIGNALS.c.observed_at.desc(), SIGNALS.c.id.desc())
        .subquery()
    )
    mean = connection.execute(select(func.round(func.avg(latest.c.score), 2))).scalar_one()
    return None if mean is None else float(mean)


def _lock(connection: Connection, execution_id: UUID) -> Row[str, int, str] | None:
    columns = EXECUTIONS.c
    return connection.execute(
        select(columns.tenant_id, columns.automation_id, columns.status)
        .where(columns.id == execution_id)
        .with_for_update()
    ).one_or_none()
