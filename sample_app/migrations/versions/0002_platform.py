"""Campaigns, profiles and segments, and what the application's role may do with them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# segments are the tenant's definition: the application may note what it counted, and nothing else
_GRANTS = {
    "campaigns": "SELECT, INSERT",
    "profiles": "SELECT, INSERT, UPDATE",
    "segments": "SELECT, UPDATE (size, evaluated_at)",
}


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def _tenant() -> sa.Column[str]:
    return sa.Column("tenant_id", sa.Text, sa.ForeignKey("tenants.id"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True, start=10001), primary_key=True),
        _tenant(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("daily_budget_cents", sa.BigInteger, nullable=False),
        _now("created_at"),
        sa.CheckConstraint("daily_budget_cents >= 0", name="budget_not_negative"),
    )
    op.create_index("ix_campaigns_tenant_id_id", "campaigns", ["tenant_id", "id"])
    op.create_table(
        "profiles",
        sa.Column("id", sa.Uuid, primary_key=True),
        _tenant(),
        sa.Column("external_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("email", sa.Text),
        sa.Column("attributes", JSONB, nullable=False),
        sa.Column("merged_into", sa.Uuid, sa.ForeignKey("profiles.id")),
        _now("created_at"),
        _now("updated_at"),
        sa.UniqueConstraint("tenant_id", "external_id"),
    )
    op.create_index("ix_profiles_tenant_id_id", "profiles", ["tenant_id", "id"])
    op.create_table(
        "segments",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        _tenant(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("segment_type", sa.Text, nullable=False),
        sa.Column("attribute", sa.Text, nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("value", JSONB, nullable=False),
        sa.Column("size", sa.Integer),
        sa.Column("evaluated_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("operator IN ('equals', 'at_least', 'at_most')", name="operator_known"),
    )
    op.create_index("ix_segments_tenant_id", "segments", ["tenant_id"])
    for table, rights in _GRANTS.items():
        op.execute(f"GRANT {rights} ON {table} TO stratum_app")


def downgrade() -> None:
    for table in reversed(_GRANTS):
        op.drop_table(table)
