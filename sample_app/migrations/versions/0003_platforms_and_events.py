"""The ad platform of each automation, and the events of the customer data platform."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("automations", sa.Column("platform", sa.Text, nullable=False, server_default="meta"))
    op.alter_column("automations", "platform", server_default=None)
    op.create_table(
        "cdp_events",
        # a tenant's own ids: one tenant cannot take another's
        sa.Column("tenant_id", sa.Text, sa.ForeignKey("tenants.id"), primary_key=True),
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("profile_id", sa.Text),
        sa.Column("properties", postgresql.JSONB, nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.execute("GRANT SELECT, INSERT ON cdp_events TO stratum_app")


def downgrade() -> None:
    op.drop_table("cdp_events")
    op.drop_column("automations", "platform")
