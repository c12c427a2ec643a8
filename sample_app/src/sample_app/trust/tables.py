"""Tables of the trust engine. Every row belongs to a tenant, and every query names one."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from sample_app.database import METADATA

AUTOMATIONS = Table(
    "automations",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("automation_type", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

SIGNALS = Table(
    "signals",
    METADATA,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("signal_type", Text, nullable=False),
    Column("score", Numeric(5, 2), nullable=False),
    Column("observed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("score >= 0 AND score <= 100", name="score_in_range"),
    Index("ix_signals_latest", "tenant_id", "signal_type", text("observed_at DESC")),
)

EXECUTIONS = Table(
    "executions",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("automation_id", BigInteger, ForeignKey("automations.id"), nullable=False, index=True),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("decision", Text),
    Column("signal_health", Numeric(5, 2)),
    Column("reason", Text),
    Column("requested_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("decided_at", DateTime(timezone=True)),
    # how to continue the caller's trace and request when the message has to be sent once more
    Column("request_id", Text, nullable=False),
    Column("traceparent", Text),
    Column("enqueued_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("enqueued_times", Integer, nullable=False, server_default="1"),
    CheckConstraint("status IN ('queued', 'success', 'failed', 'held', 'skipped')", name="status_known"),
    CheckConstraint("decision IN ('pass', 'hold', 'block')", name="decision_known"),
    Index("ix_executions_waiting", "enqueued_at", postgresql_where=text("status = 'queued'")),
)
