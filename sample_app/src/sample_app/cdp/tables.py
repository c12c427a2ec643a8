"""Tables of profiles and segments. Every row belongs to a tenant, and every query names one."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from sample_app.database import METADATA

PROFILES = Table(
    "profiles",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("external_id", Text, nullable=False),
    Column("name", Text),
    Column("email", Text),
    Column("attributes", JSONB, nullable=False),
    Column("merged_into", Uuid, ForeignKey("profiles.id")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("tenant_id", "external_id"),
    Index("ix_profiles_tenant_id_id", "tenant_id", "id"),
)

SEGMENTS = Table(
    "segments",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("segment_type", Text, nullable=False),
    # its rule: profiles of which this attribute compares so with this value
    Column("attribute", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("value", JSONB, nullable=False),
    Column("size", Integer),
    Column("evaluated_at", DateTime(timezone=True)),
    CheckConstraint("operator IN ('equals', 'at_least', 'at_most')", name="operator_known"),
)
