"""The table of events. An event's id is its tenant's own, and makes storing it twice storing it once."""

from sqlalchemy import Column, DateTime, ForeignKey, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

from sample_app.database import METADATA

EVENTS = Table(
    "cdp_events",
    METADATA,
    Column("tenant_id", Text, ForeignKey("tenants.id"), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("event_type", Text, nullable=False),
    Column("profile_id", Text),
    Column("properties", JSONB, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("request_id", Text, nullable=False),
    Column("stored_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
