"""The trust gate at work: an execution is judged once, in one transaction, and what passes is carried out.

The ad platform is called between two transactions, so that no row is locked and no connection held while it thinks.
A worker that dies in between leaves a judged execution that is still queued: whoever gets the message next
does not judge again, but asks the platform again, which knows the order by its key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, cast
from uuid import UUID

import structlog
from opentelemetry.trace import Tracer, get_current_span
from sqlalchemy import Connection, Engine, func, select, update

from sample_app.faults.switchboard import Switches
from sample_app.faults.tasks import signal_health as meddled_score
from sample_app.feed.messages import Decided, Shown
from sample_app.integrations.client import Order
from sample_app.telemetry import names
from sample_app.telemetry.context import Serving
from sample_app.telemetry.metrics import TrustMetrics
from sample_app.telemetry.tracing import headers_of_current_span, span
from sample_app.trust.decisions import Outcome, Status, decide, outcome_of
from sample_app.trust.tables import AUTOMATIONS, EXECUTIONS, SIGNALS

_LOG = structlog.get_logger()


class Platforms(Protocol):
    """Whoever carries out what passed."""

    def carry_out(self, order: Order) -> bool:
        """Tell whether it was done."""


@dataclass(frozen=True)
class _Judged:
    """An execution, and what was decided about it."""

    order: Order
    health: float | None
    outcome: Outcome


@dataclass(frozen=True)
class Gate:
    """Decides executions."""

    engine: Engine
    tracer: Tracer
    metrics: TrustMetrics
    tell: Callable[[Decided], None]
    """Shows a decision to whoever follows the live feed."""
    platforms: Platforms
    switches: Switches = field(default_factory=Switches)

    def process(self, execution_id: UUID, serving: Serving) -> Outcome | None:
        """Decide an execution and carry it out; None when there is nothing left to do."""
        with span(self.tracer, names.SPAN_PROCESS, {"execution_id": str(execution_id)}):
            judged = self._judge(execution_id, serving)
            if judged is None:
                return None
            status = judged.outcome.status
            if judged.outcome.decision == "pass":
                status = "success" if self.platforms.carry_out(judged.order) else "failed"
                if not self._settle(judged.order, status):
                    return None
            self._announce(judged, status)
            return judged.outcome

    def _judge(self, execution_id: UUID, serving: Serving) -> _Judged | None:
        with self.engine.begin() as connection:
            row = _lock(connection, execution_id)
            if row is None:
                _LOG.warning("execution_unknown", execution_id=str(execution_id))
                return None
            serving.tenant_id = row["tenant_id"]
            get_current_span().set_attributes(
                {"automation_id": row["automation_id"], "tenant_id": row["tenant_id"]}
            )
            if row["status"] != "queued":
                # delivered twice: the broker does that after a worker's death
                _LOG.info("execution_already_decided", execution_id=str(execution_id), status=row["status"])
                return None
            order = Order(
                row["platform"], row["tenant_id"], row["automation_id"], row["automation_type"], execution_id
            )
            if row["decision"] is not None:
                health = None if row["signal_health"] is None else float(row["signal_health"])
                return _Judged(order, health, outcome_of(row["decision"]))
            scores = self._evaluate(connection, order.tenant_id)
            health = mean(scores)
            outcome = self._decide(connection, execution_id, health)
        # only what is committed is counted
        self.metrics.evaluated(scores, order.tenant_id)
        self.metrics.decided(outcome.decision, order.tenant_id)
        return _Judged(order, health, outcome)

    def _evaluate(self, connection: Connection, tenant_id: str) -> Mapping[str, float]:
        with span(self.tracer, names.SPAN_EVALUATE) as current:
            scores = latest_scores(connection, tenant_id)
            meddled = meddled_score(self.switches, tenant_id)
            if meddled is not None:
                scores = dict.fromkeys(scores, meddled)
            if (health := mean(scores)) is not None:
                current.set_attribute("signal_health", health)
            return scores

    def _decide(self, connection: Connection, execution_id: UUID, health: float | None) -> Outcome:
        with span(self.tracer, names.SPAN_DECIDE) as current:
            outcome = decide(health)
            current.set_attribute("decision", outcome.decision)
            connection.execute(
                update(EXECUTIONS)
                .where(EXECUTIONS.c.id == execution_id)
                .values(
                    # what passes is not done yet: its platform decides
                    status="queued" if outcome.decision == "pass" else outcome.status,
                    decision=outcome.decision,
                    signal_health=health,
                    decided_at=func.clock_timestamp(),
                )
            )
            return outcome

    def _settle(self, order: Order, status: Status) -> bool:
        """Write down how it ended; False when another worker did so meanwhile."""
        settled = (
            update(EXECUTIONS)
            .where(EXECUTIONS.c.id == order.execution_id, EXECUTIONS.c.status == "queued")
            .values(status=status)
            .returning(EXECUTIONS.c.id)
        )
        with self.engine.begin() as connection:
            return connection.execute(settled).one_or_none() is not None

    def _announce(self, judged: _Judged, status: Status) -> None:
        """Count, log and show what is committed now."""
        order, outcome = judged.order, judged.outcome
        self.metrics.executed(order.automation_type, status, order.tenant_id)
        _LOG.info(
            names.EVENT_EXECUTED,
            automation_id=order.automation_id,
            automation_type=order.automation_type,
            execution_id=str(order.execution_id),
            tenant_id=order.tenant_id,
            platform=order.platform,
            signal_health=judged.health,
            decision=outcome.decision,
            status=status,
            actions_taken=list(outcome.actions_taken) if status != "failed" else [],
        )
        shown = Shown(
            execution_id=order.execution_id,
            automation_id=order.automation_id,
            decision=outcome.decision,
            status=status,
            signal_health=judged.health,
            decided_at=datetime.now(UTC),
        )
        traceparent = headers_of_current_span().get("traceparent")
        self.tell(Decided(tenant_id=order.tenant_id, traceparent=traceparent, shown=shown))


def latest_scores(connection: Connection, tenant_id: str) -> dict[str, float]:
    """Return the tenant's latest score of each signal type."""
    latest = (
        select(SIGNALS.c.signal_type, SIGNALS.c.score)
        .distinct(SIGNALS.c.signal_type)
        .where(SIGNALS.c.tenant_id == tenant_id)
        .order_by(SIGNALS.c.signal_type, SIGNALS.c.observed_at.desc(), SIGNALS.c.id.desc())
    )
    return {row.signal_type: float(row.score) for row in connection.execute(latest)}


def mean(scores: Mapping[str, float]) -> float | None:
    """Return the signal health that these scores make; None without signals."""
    return round(sum(scores.values()) / len(scores), 2) if scores else None


def _lock(connection: Connection, execution_id: UUID) -> Mapping[str, Any] | None:
    columns = EXECUTIONS.c
    row = connection.execute(
        select(
            columns.tenant_id,
            columns.automation_id,
            columns.status,
            columns.decision,
            columns.signal_health,
            AUTOMATIONS.c.automation_type,
            AUTOMATIONS.c.platform,
        )
        .join_from(EXECUTIONS, AUTOMATIONS)
        .where(columns.id == execution_id)
        .with_for_update(of=EXECUTIONS)
    ).one_or_none()
    return None if row is None else cast("Mapping[str, Any]", row._mapping)  # noqa: SLF001 - its public name
