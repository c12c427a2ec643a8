"""The table of campaigns. Every row belongs to a tenant, and every query names one."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    func,
)

from sample_app.database import METADATA

CAMPAIGNS = Table(
    "campaigns",
    METADATA,
    Column("id", BigInteger, Identity(always=True, start=10001), primary_key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("daily_budget_cents", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("daily_budget_cents >= 0", name="budget_not_negative"),
    Index("ix_campaigns_tenant_id_id", "tenant_id", "id"),
)
