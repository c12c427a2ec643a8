"""Finds executions whose message was lost, and sends it again.

Between the row's commit and the message's arrival the broker may be away, or the API may die.
Each further attempt waits twice as long, so that a long queue is not made longer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import structlog
from opentelemetry import context as otel_context
from sqlalchemy import Engine, Float, func, literal, select, type_coerce, update

from sample_app.telemetry.context import SERVING, Serving
from sample_app.telemetry.tracing import parent_from
from sample_app.trust.tables import EXECUTIONS

_LOG = structlog.get_logger()
_AT_ONCE = 200
_LONGEST_WAIT = 6  # doublings


@dataclass(frozen=True)
class Forgotten:
    """An execution that waits for nothing."""

    id: UUID
    tenant_id: str
    request_id: str
    traceparent: str | None


def requeue_forgotten(engine: Engine, send: Callable[[str], None], *, after_seconds: float) -> int:
    """Send the message of each forgotten execution again, in its own trace; return how many there were."""
    forgotten = _take(engine, after_seconds)
    for execution in forgotten:
        serving = Serving(execution.request_id, tenant_id=execution.tenant_id)
        token = SERVING.set(serving)
        headers = {"traceparent": execution.traceparent} if execution.traceparent else {}
        attached = otel_context.attach(parent_from(headers))
        try:
            send(str(execution.id))
            _LOG.warning("execution_requeued", execution_id=str(execution.id))
        finally:
            otel_context.detach(attached)
            SERVING.reset(token)
    return len(forgotten)


def _take(engine: Engine, after_seconds: float) -> list[Forgotten]:
    columns = EXECUTIONS.c
    doublings = func.least(columns.enqueued_times - 1, _LONGEST_WAIT)
    wait = literal(after_seconds) * func.power(2.0, type_coerce(doublings, Float))
    overdue = (
        select(columns.id)
        .where(
            columns.status == "queued",
            columns.enqueued_at < func.now() - func.make_interval(0, 0, 0, 0, 0, 0, wait),
        )
        .order_by(columns.enqueued_at)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(EXECUTIONS)
        .where(columns.id.in_(overdue.scalar_subquery()))
        .values(enqueued_at=func.now(), enqueued_times=columns.enqueued_times + 1)
        .returning(columns.id, columns.tenant_id, columns.request_id, columns.traceparent)
    )
    with engine.begin() as connection:
        rows = connection.execute(statement).all()
    return [Forgotten(cast("UUID", row.id), row.tenant_id, row.request_id, row.traceparent) for row in rows]
