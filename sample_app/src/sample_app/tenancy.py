"""Tenants and their API keys. Only a key's sha256 is ever stored."""

import hashlib
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Table, Text, func, select, true

from sample_app.database import METADATA, Database
from sample_app.telemetry.names import TENANT_LIMIT

TENANTS = Table(
    "tenants",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

TENANT_KEYS = Table(
    "tenant_keys",
    METADATA,
    Column("key_hash", Text, primary_key=True),
    Column("tenant_id", Text, ForeignKey(TENANTS.c.id), nullable=False, index=True),
    Column("label", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)


@dataclass(frozen=True)
class Tenant:
    """Who is asking, by the key they showed."""

    id: str
    enabled: bool
    key_label: str


class TenantDirectory(Protocol):
    """Knows whose key it is."""

    async def by_key(self, key: str) -> Tenant | None:
        """Return the key's tenant, or None."""

    async def ids(self) -> list[str]:
        """Return every tenant's id."""


class DatabaseTenants:
    """Looks keys up in the database and remembers the answer for a short while."""

    def __init__(
        self, database: Database, *, remembers: float = 15.0, remembers_unknown: float = 2.0
    ) -> None:
        """Ask a database; a disabled tenant is noticed after `remembers` seconds."""
        self._database = database
        self._remembers = remembers
        self._remembers_unknown = remembers_unknown
        self._cache: dict[str, tuple[float, Tenant | None]] = {}

    async def by_key(self, key: str) -> Tenant | None:
        """Return the key's tenant, or None."""
        hashed = hash_key(key)
        known = self._cache.get(hashed)
        if known is not None and known[0] > monotonic():
            return known[1]
        tenant = await self._find(hashed)
        if len(self._cache) >= _MAX_REMEMBERED:
            self._cache.clear()  # a flood of invented keys must not fill the memory
        keep = self._remembers if tenant else self._remembers_unknown
        self._cache[hashed] = (monotonic() + keep, tenant)
        return tenant

    async def ids(self) -> list[str]:
        """Return every tenant's id, as many as a label may have values."""
        wanted = select(TENANTS.c.id).order_by(TENANTS.c.created_at).limit(TENANT_LIMIT)
        return [row.id for row in await self._database.rows(wanted)]

    async def _find(self, hashed: str) -> Tenant | None:
        wanted = (
            select(TENANTS.c.id, TENANTS.c.enabled, TENANT_KEYS.c.label)
            .select_from(TENANT_KEYS.join(TENANTS))
            .where(TENANT_KEYS.c.key_hash == hashed)
        )
        row = await self._database.row(wanted)
        return Tenant(row.id, row.enabled, row.label) if row else None


_MAX_REMEMBERED = 1_000


def hash_key(key: str) -> str:
    """Return what is stored of a key. Keys are long and random, so one round of sha256 is enough."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
