"""Doubles of the product's stores: rows in dictionaries, each its tenant's."""
# ruff: noqa: D102 - the doubled class describes its methods

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sample_app.analytics.dashboard import Dashboard
from sample_app.campaigns.store import Campaign, NewCampaign
from sample_app.cdp.profiles import Profile, Refusal
from sample_app.cdp.segments import Segment
from sample_app.trust.automations import Automation
from sample_app.trust.signals import NewSignal, Signal


class MemoryAutomations:
    """Three automations, acme's."""

    async def newest(self, tenant_id: str, *, limit: int, before: int | None = None) -> list[Automation]:
        numbers = [n for n in (1003, 1002, 1001) if tenant_id == "acme" and (before is None or n < before)]
        return [Automation(id=n, name=f"number {n}", automation_type="budget_shift") for n in numbers[:limit]]


class MemorySignals:
    """Takes every signal."""

    async def add(self, tenant_id: str, reported: NewSignal) -> Signal:  # noqa: ARG002 - the double keeps none
        return Signal(id=1, observed_at=datetime.now(UTC), **reported.model_dump())


@dataclass
class MemoryCampaigns:
    """Campaigns in a list; can be told to fail, and counts how often it was asked."""

    failure: Exception | None = None
    rows: list[tuple[str, Campaign]] = field(default_factory=list)
    asked: int = 0

    async def newest(self, tenant_id: str, *, limit: int, before: int | None = None) -> list[Campaign]:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        mine = [row for owner, row in reversed(self.rows) if owner == tenant_id]
        return [row for row in mine if before is None or row.id < before][:limit]

    async def get(self, tenant_id: str, campaign_id: int) -> Campaign | None:
        self.asked += 1
        return next((row for owner, row in self.rows if (owner, row.id) == (tenant_id, campaign_id)), None)

    async def add(self, tenant_id: str, wanted: NewCampaign) -> Campaign:
        made = Campaign(id=10001 + len(self.rows), created_at=datetime.now(UTC), **wanted.model_dump())
        self.rows.append((tenant_id, made))
        return made


@dataclass
class MemoryProfiles:
    """Profiles in a dictionary."""

    rows: dict[UUID, tuple[str, Profile]] = field(default_factory=dict)

    async def search(
        self, tenant_id: str, term: str | None, *, limit: int, before: UUID | None = None
    ) -> list[Profile]:
        mine = sorted(
            (row for owner, row in self.rows.values() if owner == tenant_id), key=lambda row: row.id
        )
        found = [row for row in reversed(mine) if term is None or term in row.external_id]
        return [row for row in found if before is None or row.id < before][:limit]

    async def add(self, tenant_id: str, values: dict[str, Any]) -> Profile | Refusal:
        if any(
            (owner, row.external_id) == (tenant_id, values["external_id"])
            for owner, row in self.rows.values()
        ):
            return Refusal.TAKEN
        now = datetime.now(UTC)
        made = Profile(id=uuid4(), merged_into=None, created_at=now, updated_at=now, **values)
        self.rows[made.id] = (tenant_id, made)
        return made

    async def change(self, tenant_id: str, profile_id: UUID, values: dict[str, Any]) -> Profile | Refusal:
        owner, row = self.rows.get(profile_id, ("", None))
        if row is None or owner != tenant_id:
            return Refusal.UNKNOWN
        if row.merged_into is not None:
            return Refusal.MERGED
        changed = row.model_copy(update=values)
        self.rows[profile_id] = (tenant_id, changed)
        return changed

    async def merge(self, tenant_id: str, into: UUID, source: UUID) -> Profile | Refusal:
        given = await self.change(tenant_id, source, {"merged_into": into})
        return given if isinstance(given, Refusal) else await self.change(tenant_id, into, {})


class MemorySegments:
    """One segment, acme's."""

    async def evaluate(self, tenant_id: str, segment_id: int) -> Segment | None:
        if (tenant_id, segment_id) != ("acme", 1101):
            return None
        return Segment(
            id=1101, name="Came back", segment_type="behavioural", size=3, evaluated_at=datetime.now(UTC)
        )


class MemoryAnalytics:
    """The same figures for everybody."""

    async def dashboard(self, tenant_id: str, days: int) -> Dashboard:  # noqa: ARG002 - for everybody
        return Dashboard(
            days=days,
            campaigns={"active": 2},
            active_daily_budget_cents=750_00,
            profiles=10,
            segments=[],
            decisions={"pass": 1},
            signal_health={"conversion": 92.0},
        )


@dataclass
class MemoryCache:
    """A cache that keeps the rule of tombstones: what was forgotten is not kept again at once."""

    kept: dict[str, bytes] = field(default_factory=dict)

    async def get(self, key: str) -> bytes | None:
        return self.kept.get(key) or None

    async def keep(self, key: str, value: bytes) -> None:
        self.kept.setdefault(key, value)

    async def forget(self, key: str) -> None:
        self.kept[key] = b""
