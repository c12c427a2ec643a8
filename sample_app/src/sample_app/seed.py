"""Seed data: tenants that differ, so that dashboards and decisions do. Sown again, it changes nothing."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from sample_app.seed_product import sow_product
from sample_app.telemetry import names
from sample_app.tenancy import TENANT_KEYS, TENANTS, hash_key
from sample_app.trust.tables import AUTOMATIONS, SIGNALS

_LABEL = "seed"


@dataclass(frozen=True)
class SeedTenant:
    """One tenant with its automations and the scores of its signals."""

    id: str
    name: str
    automation_ids: tuple[int, ...]
    scores: dict[str, float]
    enabled: bool = True

    @property
    def first_segment(self) -> int:
        """The tenant's segments are numbered like its automations, a hundred further on."""
        return self.automation_ids[0] + 100


SEED = (
    SeedTenant("acme", "Acme", (1001, 1002, 1003), {"conversion": 92, "attribution": 88, "delivery": 84}),
    SeedTenant("techco", "TechCo", (2001, 2002, 2003), {"conversion": 78, "attribution": 74, "delivery": 73}),
    SeedTenant(
        "retailx", "RetailX", (3001, 3002, 3003), {"conversion": 61, "attribution": 52, "delivery": 55}
    ),
    SeedTenant("closedco", "ClosedCo", (4001,), {"conversion": 80}, enabled=False),
    SeedTenant("canary", "Canary", (9001,), {"conversion": 95}),
)


def sow(connection: Connection, keys: dict[str, str]) -> dict[str, int]:
    """Add what is missing, and make the keys given the seeded tenants' only seeded keys."""
    for tenant in SEED:
        _sow_tenant(connection, tenant)
        sow_product(connection, tenant.id, tenant.first_segment)
        if tenant.id in keys:
            _sow_key(connection, tenant.id, keys[tenant.id])
    return {"tenants": len(SEED), "keys": sum(tenant.id in keys for tenant in SEED)}


def _sow_tenant(connection: Connection, tenant: SeedTenant) -> None:
    connection.execute(
        insert(TENANTS)
        .values(id=tenant.id, name=tenant.name, enabled=tenant.enabled)
        .on_conflict_do_nothing()
    )
    automations = [
        {
            "id": number,
            "tenant_id": tenant.id,
            "name": f"{tenant.name} {names.AUTOMATION_TYPES[i % len(names.AUTOMATION_TYPES)].replace('_', ' ')}",
            "automation_type": names.AUTOMATION_TYPES[i % len(names.AUTOMATION_TYPES)],
            "platform": names.PLATFORMS[i % len(names.PLATFORMS)],
        }
        for i, number in enumerate(tenant.automation_ids)
    ]
    connection.execute(insert(AUTOMATIONS).values(automations).on_conflict_do_nothing())
    known = select(func.count()).select_from(SIGNALS).where(SIGNALS.c.tenant_id == tenant.id)
    if connection.execute(known).scalar_one() == 0:
        signals = [
            {"tenant_id": tenant.id, "signal_type": kind, "score": score}
            for kind, score in tenant.scores.items()
        ]
        connection.execute(insert(SIGNALS), signals)


def _sow_key(connection: Connection, tenant_id: str, key: str) -> None:
    hashed = hash_key(key)
    label = f"{tenant_id}-{_LABEL}"
    replaced = delete(TENANT_KEYS).where(
        TENANT_KEYS.c.tenant_id == tenant_id, TENANT_KEYS.c.label == label, TENANT_KEYS.c.key_hash != hashed
    )
    connection.execute(replaced)
    connection.execute(
        insert(TENANT_KEYS).values(key_hash=hashed, tenant_id=tenant_id, label=label).on_conflict_do_nothing()
    )
