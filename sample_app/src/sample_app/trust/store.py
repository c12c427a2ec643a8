"""Executions as the API sees them: asked for, handed to the queue, read back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast
from uuid import UUID

from sqlalchemy import insert, literal, select

from sample_app.database import Database
from sample_app.trust.decisions import Decision, Status
from sample_app.trust.tables import AUTOMATIONS, EXECUTIONS


@dataclass(frozen=True)
class Request:
    """A tenant's wish to run an automation, with what continues its trace."""

    execution_id: UUID
    tenant_id: str
    automation_id: int
    reason: str | None
    request_id: str
    traceparent: str | None


@dataclass(frozen=True)
class Execution:
    """What became of it."""

    execution_id: UUID
    automation_id: int
    status: Status
    decision: Decision | None
    signal_health: float | None
    requested_at: datetime
    decided_at: datetime | None


class Executions(Protocol):
    """Keeps executions."""

    async def add(self, request: Request) -> bool:
        """Store a request; False when the tenant has no such automation."""

    async def get(self, tenant_id: str, automation_id: int, execution_id: UUID) -> Execution | None:
        """Return one of the tenant's executions, or None."""

    async def find(self, tenant_id: str, execution_id: UUID) -> Execution | None:
        """Return one of the tenant's executions without knowing its automation."""


class Publisher(Protocol):
    """Hands a stored execution to the workers."""

    async def publish(self, execution_id: UUID) -> None:
        """Send it; when the broker is away, say so and leave it to the scheduler."""


class DatabaseExecutions:
    """Keeps executions in PostgreSQL, each call one statement."""

    def __init__(self, database: Database) -> None:
        """Ask a database."""
        self._database = database

    async def add(self, request: Request) -> bool:
        """Store a request; False when the tenant has no such automation."""
        values = {
            "id": request.execution_id,
            "reason": request.reason,
            "request_id": request.request_id,
            "traceparent": request.traceparent,
        }
        # the automation's row is the condition: no gap between asking whose it is and storing
        source = select(
            AUTOMATIONS.c.tenant_id,
            AUTOMATIONS.c.id,
            *(literal(value, EXECUTIONS.c[name].type) for name, value in values.items()),
        ).where(AUTOMATIONS.c.id == request.automation_id, AUTOMATIONS.c.tenant_id == request.tenant_id)
        statement = (
            insert(EXECUTIONS)
            .from_select(["tenant_id", "automation_id", *values], source)
            .returning(EXECUTIONS.c.id)
        )
        return await self._database.row(statement) is not None

    async def get(self, tenant_id: str, automation_id: int, execution_id: UUID) -> Execution | None:
        """Return one of the tenant's executions, or None."""
        found = await self.find(tenant_id, execution_id)
        return found if found and found.automation_id == automation_id else None

    async def find(self, tenant_id: str, execution_id: UUID) -> Execution | None:
        """Return one of the tenant's executions without knowing its automation."""
        columns = EXECUTIONS.c
        wanted = select(
            columns.automation_id,
            columns.status,
            columns.decision,
            columns.signal_health,
            columns.requested_at,
            columns.decided_at,
        ).where(columns.id == execution_id, columns.tenant_id == tenant_id)
        row = await self._database.row(wanted)
        if row is None:
            return None
        return Execution(
            execution_id,
            row.automation_id,
            cast("Status", row.status),
            cast("Decision | None", row.decision),
            None if row.signal_health is None else float(row.signal_health),
            row.requested_at,
            row.decided_at,
        )
