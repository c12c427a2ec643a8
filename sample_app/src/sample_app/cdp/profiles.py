"""Profiles as rows of PostgreSQL: made, changed, merged, found."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Protocol
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from sample_app.cdp.tables import PROFILES
from sample_app.database import Database
from sample_app.fields import Note

MAX_ATTRIBUTES = 50
_MAX_NUMBER = 10**15

AttributeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Value = (
    bool
    | Annotated[int, Field(ge=-_MAX_NUMBER, le=_MAX_NUMBER)]
    | Annotated[float, Field(ge=-_MAX_NUMBER, le=_MAX_NUMBER, allow_inf_nan=False)]
    | Note
)
Attributes = Annotated[
    dict[AttributeName, Value],
    Field(
        max_length=MAX_ATTRIBUTES,
        description="What is known about the person; segments ask for it.",
        examples=[{"country": "DE", "orders": 3, "newsletter": True}],
        # pydantic leaves the other names open in its schema, and refuses them
        json_schema_extra={"additionalProperties": False},
    ),
]


class Profile(BaseModel):
    """A person as a tenant knows them."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(examples=["6f1f5f0e-8a52-4b57-9d0c-5a3b1d2c4e6f"])
    external_id: str = Field(description="The tenant's own id.", examples=["customer-1"])
    name: str | None = Field(examples=["Ada Lovelace"])
    email: str | None = Field(examples=["ada@example.com"])
    attributes: dict[str, Any] = Field(examples=[{"country": "DE", "orders": 3}])
    merged_into: UUID | None = Field(description="The profile that took this one in.", examples=[None])
    created_at: datetime = Field(examples=["2026-11-23T09:00:00Z"])
    updated_at: datetime = Field(examples=["2026-11-23T09:00:00Z"])


class Refusal(Enum):
    """Why nothing was changed."""

    UNKNOWN = "There is no such profile."
    TAKEN = "There is a profile with this external_id already."
    MERGED = "The profile has been merged into another one."
    FULL = f"A profile has at most {MAX_ATTRIBUTES} attributes."


class Profiles(Protocol):
    """Keeps profiles."""

    async def search(
        self, tenant_id: str, term: str | None, *, limit: int, before: UUID | None = None
    ) -> list[Profile]:
        """Return some of the tenant's profiles that hold a term; those before a profile, to read on."""

    async def add(self, tenant_id: str, values: dict[str, Any]) -> Profile | Refusal:
        """Store a profile."""

    async def change(self, tenant_id: str, profile_id: UUID, values: dict[str, Any]) -> Profile | Refusal:
        """Change what is given; attributes one by one."""

    async def merge(self, tenant_id: str, into: UUID, source: UUID) -> Profile | Refusal:
        """Take one profile into another, which wins where both know something."""


_SHOWN = tuple(PROFILES.c[name] for name in Profile.model_fields)


class DatabaseProfiles:
    """Keeps profiles in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Ask a database."""
        self._database = database

    async def search(
        self, tenant_id: str, term: str | None, *, limit: int, before: UUID | None = None
    ) -> list[Profile]:
        """Return some of the tenant's profiles that hold a term; those before a profile, to read on."""
        columns = PROFILES.c
        wanted = select(*_SHOWN).where(columns.tenant_id == tenant_id, columns.merged_into.is_(None))
        if term is not None:
            searched = (columns.external_id, columns.name, columns.email)
            wanted = wanted.where(or_(*(column.icontains(term, autoescape=True) for column in searched)))
        if before is not None:
            wanted = wanted.where(columns.id < before)
        rows = await self._database.rows(wanted.order_by(columns.id.desc()).limit(limit))
        return [Profile.model_validate(row) for row in rows]

    async def add(self, tenant_id: str, values: dict[str, Any]) -> Profile | Refusal:
        """Store a profile."""
        # no error on a conflict: the server's own words for it would name the values in its log
        statement = (
            insert(PROFILES)
            .values(id=uuid4(), tenant_id=tenant_id, **values)
            .on_conflict_do_nothing(index_elements=["tenant_id", "external_id"])
            .returning(*_SHOWN)
        )
        row = await self._database.row(statement)
        return Profile.model_validate(row) if row is not None else Refusal.TAKEN

    async def change(self, tenant_id: str, profile_id: UUID, values: dict[str, Any]) -> Profile | Refusal:
        """Change what is given; attributes one by one."""

        async def work(connection: AsyncConnection) -> Profile | Refusal:
            locked = await _lock(connection, tenant_id, [profile_id])
            if isinstance(locked, Refusal):
                return locked
            [profile] = locked
            attributes = {**profile.attributes, **values.get("attributes", {})}
            return await _save(connection, tenant_id, profile, {**values, "attributes": attributes})

        return await self._database.transaction(work)

    async def merge(self, tenant_id: str, into: UUID, source: UUID) -> Profile | Refusal:
        """Take one profile into another, which wins where both know something."""

        async def work(connection: AsyncConnection) -> Profile | Refusal:
            locked = await _lock(connection, tenant_id, [into, source])
            if isinstance(locked, Refusal):
                return locked
            kept, given = sorted(locked, key=lambda profile: profile.id != into)
            merged = await _save(
                connection,
                tenant_id,
                kept,
                {
                    "name": kept.name or given.name,
                    "email": kept.email or given.email,
                    "attributes": {**given.attributes, **kept.attributes},
                },
            )
            if isinstance(merged, Profile):
                await _save(connection, tenant_id, given, {"merged_into": kept.id})
            return merged

        return await self._database.transaction(work)


async def _lock(connection: AsyncConnection, tenant_id: str, ids: Sequence[UUID]) -> list[Profile] | Refusal:
    """Return the tenant's profiles of these ids, locked in one order, so that two merges cannot wait for each other."""
    wanted = (
        select(*_SHOWN)
        .where(PROFILES.c.tenant_id == tenant_id, PROFILES.c.id.in_(ids))
        .order_by(PROFILES.c.id)
        .with_for_update()
    )
    found = [Profile.model_validate(row) for row in await connection.execute(wanted)]
    if len(found) < len(ids):
        return Refusal.UNKNOWN
    return Refusal.MERGED if any(profile.merged_into for profile in found) else found


async def _save(
    connection: AsyncConnection, tenant_id: str, locked: Profile, values: dict[str, Any]
) -> Profile | Refusal:
    if len(values.get("attributes", ())) > MAX_ATTRIBUTES:
        return Refusal.FULL
    statement = (
        update(PROFILES)
        .where(PROFILES.c.id == locked.id, PROFILES.c.tenant_id == tenant_id)
        .values(**values, updated_at=func.clock_timestamp())
        .returning(*_SHOWN)
    )
    return Profile.model_validate((await connection.execute(statement)).one())
