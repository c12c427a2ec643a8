"""The figures of a tenant's dashboard, each one aggregate over the tenant's own rows."""

from typing import Any, Protocol

from pydantic import BaseModel, Field
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from sample_app.campaigns.tables import CAMPAIGNS
from sample_app.cdp.tables import PROFILES, SEGMENTS
from sample_app.database import Database
from sample_app.trust.tables import EXECUTIONS, SIGNALS


class SegmentSize(BaseModel):
    """How large a segment was when it was last evaluated."""

    name: str = Field(examples=["Came back"])
    size: int | None = Field(description="Null before the first evaluation.", examples=[12])


class Dashboard(BaseModel):
    """A tenant's figures."""

    days: int = Field(description="Decisions and signals are those of so many days.", examples=[7])
    campaigns: dict[str, int] = Field(description="By status.", examples=[{"active": 2, "draft": 1}])
    active_daily_budget_cents: int = Field(examples=[75_000])
    profiles: int = Field(description="Without those merged into others.", examples=[12])
    segments: list[SegmentSize]
    decisions: dict[str, int] = Field(description="By outcome.", examples=[{"pass": 40, "hold": 2}])
    signal_health: dict[str, float] = Field(
        description="Mean score by type.", examples=[{"conversion": 92.0, "delivery": 84.0}]
    )


class Analytics(Protocol):
    """Adds up."""

    async def dashboard(self, tenant_id: str, days: int) -> Dashboard:
        """Return a tenant's figures."""


class DatabaseAnalytics:
    """Adds up in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Ask a database; the replica's, where there is one."""
        self._database = database

    async def dashboard(self, tenant_id: str, days: int) -> Dashboard:
        """Return a tenant's figures."""

        async def work(connection: AsyncConnection) -> Dashboard:
            # one after the other: a dashboard may take a while, and must not take the pool
            groups = [
                dict((await connection.execute(one)).tuples().all()) for one in _groups(tenant_id, days)
            ]
            campaigns, decisions, health = groups
            budget, profiles = (await connection.execute(_totals(tenant_id))).one()
            segments = (await connection.execute(_segments(tenant_id))).all()
            return Dashboard(
                days=days,
                campaigns=campaigns,
                active_daily_budget_cents=int(budget),
                profiles=profiles,
                segments=[SegmentSize(name=row.name, size=row.size) for row in segments],
                decisions=decisions,
                signal_health={kind: round(float(mean), 2) for kind, mean in health.items()},
            )

        return await self._database.transaction(work)


def _groups(tenant_id: str, days: int) -> "tuple[Select[*tuple[Any, ...]], ...]":
    since = func.now() - func.make_interval(0, 0, 0, days)
    campaigns, executions, signals = CAMPAIGNS.c, EXECUTIONS.c, SIGNALS.c
    return (
        select(campaigns.status, func.count())
        .where(campaigns.tenant_id == tenant_id)
        .group_by(campaigns.status),
        select(executions.decision, func.count())
        .where(executions.tenant_id == tenant_id, executions.decided_at >= since)
        .group_by(executions.decision),
        select(signals.signal_type, func.avg(signals.score))
        .where(signals.tenant_id == tenant_id, signals.observed_at >= since)
        .group_by(signals.signal_type),
    )


def _totals(tenant_id: str) -> Select[int, int]:
    active = (CAMPAIGNS.c.tenant_id == tenant_id, CAMPAIGNS.c.status == "active")
    budget = select(func.coalesce(func.sum(CAMPAIGNS.c.daily_budget_cents), 0)).where(*active)
    known = (PROFILES.c.tenant_id == tenant_id, PROFILES.c.merged_into.is_(None))
    profiles = select(func.count()).select_from(PROFILES).where(*known)
    return select(budget.scalar_subquery(), profiles.scalar_subquery())


def _segments(tenant_id: str) -> Select[str, int]:
    mine = SEGMENTS.c.tenant_id == tenant_id
    return select(SEGMENTS.c.name, SEGMENTS.c.size).where(mine).order_by(SEGMENTS.c.id)
