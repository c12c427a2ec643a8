"""Campaigns as rows of PostgreSQL."""

from datetime import datetime
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import insert, select

from sample_app.campaigns.tables import CAMPAIGNS
from sample_app.database import Database
from sample_app.fields import NO_TEXT, Name, Strict

PlatformName = Literal["meta", "google", "tiktok"]
CampaignStatus = Literal["draft", "active", "paused"]
_MAX_BUDGET = 100_000_000_00
Budget = Annotated[int, Field(ge=0, le=_MAX_BUDGET, description="Spent at most per day, in cents."), NO_TEXT]


class NewCampaign(Strict):
    """A campaign that a tenant wants."""

    name: Name = Field(description="For people.", examples=["Spring sale"])
    platform: PlatformName = Field(description="Where it runs.", examples=["meta"])
    status: CampaignStatus = Field(default="draft", description="Whether it spends.", examples=["active"])
    daily_budget_cents: Budget = Field(examples=[250_00])


class Campaign(BaseModel):
    """A tenant's campaign."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(examples=[10001])
    name: str = Field(examples=["Spring sale"])
    platform: PlatformName = Field(examples=["meta"])
    status: CampaignStatus = Field(examples=["active"])
    daily_budget_cents: int = Field(examples=[250_00])
    created_at: datetime = Field(examples=["2026-11-23T09:00:00Z"])


class Campaigns(Protocol):
    """Keeps campaigns."""

    async def newest(self, tenant_id: str, *, limit: int, before: int | None = None) -> list[Campaign]:
        """Return some of the tenant's campaigns, newest first; those before a campaign, to read on."""

    async def get(self, tenant_id: str, campaign_id: int) -> Campaign | None:
        """Return one of the tenant's campaigns, or None."""

    async def add(self, tenant_id: str, wanted: NewCampaign) -> Campaign:
        """Store a campaign."""


_SHOWN = tuple(CAMPAIGNS.c[name] for name in Campaign.model_fields)


class DatabaseCampaigns:
    """Keeps campaigns in PostgreSQL, each call one statement."""

    def __init__(self, database: Database) -> None:
        """Ask a database."""
        self._database = database

    async def newest(self, tenant_id: str, *, limit: int, before: int | None = None) -> list[Campaign]:
        """Return some of the tenant's campaigns, newest first; those before a campaign, to read on."""
        wanted = select(*_SHOWN).where(CAMPAIGNS.c.tenant_id == tenant_id)
        if before is not None:
            wanted = wanted.where(CAMPAIGNS.c.id < before)
        rows = await self._database.rows(wanted.order_by(CAMPAIGNS.c.id.desc()).limit(limit))
        return [Campaign.model_validate(row) for row in rows]

    async def get(self, tenant_id: str, campaign_id: int) -> Campaign | None:
        """Return one of the tenant's campaigns, or None."""
        mine = (CAMPAIGNS.c.id == campaign_id, CAMPAIGNS.c.tenant_id == tenant_id)
        row = await self._database.row(select(*_SHOWN).where(*mine))
        return Campaign.model_validate(row) if row is not None else None

    async def add(self, tenant_id: str, wanted: NewCampaign) -> Campaign:
        """Store a campaign."""
        statement = insert(CAMPAIGNS).values(tenant_id=tenant_id, **wanted.model_dump()).returning(*_SHOWN)
        return Campaign.model_validate(await self._database.row(statement))
