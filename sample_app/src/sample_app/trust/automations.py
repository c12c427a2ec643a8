"""Automations: what a tenant may ask to be run."""

from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from sample_app.database import Database
from sample_app.trust.tables import AUTOMATIONS


class Automation(BaseModel):
    """One of a tenant's automations."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(examples=[1001])
    name: str = Field(examples=["Acme budget shift"])
    automation_type: str = Field(examples=["budget_shift"])


class Automations(Protocol):
    """Knows the automations."""

    async def newest(self, tenant_id: str, *, limit: int, before: int | None = None) -> list[Automation]:
        """Return some of the tenant's automations, newest first; those before one, to read on."""


class DatabaseAutomations:
    """Knows the automations from PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Ask a database."""
        self._database = database

    async def newest(self, tenant_id: str, *, limit: int, before: int | None = None) -> list[Automation]:
        """Return some of the tenant's automations, newest first; those before one, to read on."""
        shown = (AUTOMATIONS.c[name] for name in Automation.model_fields)
        wanted = select(*shown).where(AUTOMATIONS.c.tenant_id == tenant_id)
        if before is not None:
            wanted = wanted.where(AUTOMATIONS.c.id < before)
        rows = await self._database.rows(wanted.order_by(AUTOMATIONS.c.id.desc()).limit(limit))
        return [Automation.model_validate(row) for row in rows]
