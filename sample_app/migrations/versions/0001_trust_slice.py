"""Tenants with keys, automations, signals and executions; and what the application's role may do with them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# rows, never tables: the application cannot change its schema, nor make itself a key
_GRANTS = {
    "tenants": "SELECT",
    "tenant_keys": "SELECT",
    "automations": "SELECT",
    "signals": "SELECT, INSERT",
    "executions": "SELECT, INSERT, UPDATE",
}


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def _tenant() -> sa.Column[str]:
    return sa.Column("tenant_id", sa.Text, sa.ForeignKey("tenants.id"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
        _now("created_at"),
    )
    op.create_table(
        "tenant_keys",
        sa.Column("key_hash", sa.Text, primary_key=True),
        _tenant(),
        sa.Column("label", sa.Text, nullable=False),
        _now("created_at"),
    )
    op.create_index("ix_tenant_keys_tenant_id", "tenant_keys", ["tenant_id"])
    op.create_table(
        "automations",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        _tenant(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("automation_type", sa.Text, nullable=False),
        _now("created_at"),
    )
    op.create_index("ix_automations_tenant_id", "automations", ["tenant_id"])
    op.create_table(
        "signals",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        _tenant(),
        sa.Column("signal_type", sa.Text, nullable=False),
        sa.Column("score", sa.Numeric(5, 2), nullable=False),
        _now("observed_at"),
        sa.CheckConstraint("score >= 0 AND score <= 100", name="score_in_range"),
    )
    op.create_index("ix_signals_latest", "signals", ["tenant_id", "signal_type", sa.text("observed_at DESC")])
    _create_executions()
    for table, rights in _GRANTS.items():
        op.execute(f"GRANT {rights} ON {table} TO stratum_app")


def _create_executions() -> None:
    op.create_table(
        "executions",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant(),
        sa.Column("automation_id", sa.BigInteger, sa.ForeignKey("automations.id"), nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="queued"),
        sa.Column("decision", sa.Text),
        sa.Column("signal_health", sa.Numeric(5, 2)),
        sa.Column("reason", sa.Text),
        _now("requested_at"),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("traceparent", sa.Text),
        _now("enqueued_at"),
        sa.Column("enqueued_times", sa.Integer, nullable=False, server_default="1"),
        sa.CheckConstraint(
            "status IN ('queued', 'success', 'failed', 'held', 'skipped')", name="status_known"
        ),
        sa.CheckConstraint("decision IN ('pass', 'hold', 'block')", name="decision_known"),
    )
    op.create_index("ix_executions_automation_id", "executions", ["automation_id"])
    op.create_index(
        "ix_executions_waiting", "executions", ["enqueued_at"], postgresql_where=sa.text("status = 'queued'")
    )


def downgrade() -> None:
    for table in reversed(_GRANTS):
        op.drop_table(table)
