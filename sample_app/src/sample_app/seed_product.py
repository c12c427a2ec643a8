"""Seed data of the product itself: each tenant's campaigns, profiles and segments. Sown again, it changes nothing."""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_if_missing

from sample_app.campaigns.tables import CAMPAIGNS
from sample_app.cdp.tables import PROFILES, SEGMENTS

_CAMPAIGNS = (
    ("Spring sale", "meta", "active", 250_00),
    ("Back to school", "google", "active", 500_00),
    ("Winter teaser", "tiktok", "draft", 0),
)
_SEGMENTS: tuple[tuple[str, str, tuple[str, str, object]], ...] = (
    ("Came back", "behavioural", ("orders", "at_least", 3)),
    ("In Germany", "demographic", ("country", "equals", "DE")),
    ("Newcomers", "lifecycle", ("stage", "equals", "new")),
)
_PEOPLE = ("Ada", "Grace", "Edsger", "Barbara", "Alan", "Margaret", "Donald", "Frances", "Niklaus", "Radia")
_COUNTRIES = ("DE", "FR", "US")


def sow_product(connection: Connection, tenant_id: str, first_segment: int) -> None:
    """Add a tenant's campaigns, profiles and segments where they are missing."""
    mine = select(func.count()).select_from(CAMPAIGNS).where(CAMPAIGNS.c.tenant_id == tenant_id)
    if connection.execute(mine).scalar_one() == 0:
        connection.execute(insert(CAMPAIGNS), [_campaign(tenant_id, *campaign) for campaign in _CAMPAIGNS])
    profiles = [_profile(tenant_id, number, name) for number, name in enumerate(_PEOPLE, start=1)]
    connection.execute(insert_if_missing(PROFILES).values(profiles).on_conflict_do_nothing())
    segments = [
        _segment(tenant_id, first_segment + number, *segment) for number, segment in enumerate(_SEGMENTS)
    ]
    connection.execute(insert_if_missing(SEGMENTS).values(segments).on_conflict_do_nothing())


def _campaign(tenant_id: str, name: str, platform: str, status: str, cents: int) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "name": name,
        "platform": platform,
        "status": status,
        "daily_budget_cents": cents,
    }


def _profile(tenant_id: str, number: int, name: str) -> dict[str, Any]:
    external_id = f"customer-{number}"
    return {
        "id": uuid5(NAMESPACE_URL, f"{tenant_id}/{external_id}"),
        "tenant_id": tenant_id,
        "external_id": external_id,
        "name": name,
        "email": f"{name.lower()}@{tenant_id}.example",
        "attributes": {
            "orders": number % 6,
            "country": _COUNTRIES[number % len(_COUNTRIES)],
            "stage": "new" if number % 6 == 0 else "regular",
        },
    }


def _segment(
    tenant_id: str, segment_id: int, name: str, kind: str, rule: tuple[str, str, object]
) -> dict[str, Any]:
    attribute, operator, value = rule
    return {
        "id": segment_id,
        "tenant_id": tenant_id,
        "name": name,
        "segment_type": kind,
        "attribute": attribute,
        "operator": operator,
        "value": value,
    }
