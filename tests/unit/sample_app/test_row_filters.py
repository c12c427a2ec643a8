"""Every statement of every store is bound to the tenant that asks: in its condition, or in the row it writes."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Insert, Select, Update
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import Executable

from sample_app.analytics.dashboard import DatabaseAnalytics
from sample_app.campaigns.store import DatabaseCampaigns, NewCampaign
from sample_app.cdp.profiles import DatabaseProfiles, Profile
from sample_app.cdp.segments import DatabaseSegments
from sample_app.database import Database
from sample_app.trust.automations import DatabaseAutomations
from sample_app.trust.signals import DatabaseSignals, NewSignal
from sample_app.trust.store import DatabaseExecutions, Request

TENANT = "tenant-that-asks"
NOW = "2026-11-23T09:00:00Z"


class Found(list[Any]):
    """Rows as a result holds them."""

    def one(self) -> Any:  # noqa: ANN401 - a row of whatever was asked
        """Return the first."""
        return self[0]

    def tuples(self) -> "Found":
        """Stay as it is."""
        return self

    def all(self) -> list[Any]:
        """Return every one."""
        return self


class RecordingDatabase:
    """Keeps statements instead of running them, and finds profiles for whoever locks some."""

    def __init__(self) -> None:
        self.statements: list[Executable] = []

    async def execute(self, statement: Executable) -> Found:
        """Stand in for a connection."""
        self.statements.append(statement)
        if "profiles.external_id" in str(statement):
            return Found(profile(one) for one in (UUID(int=1), UUID(int=2)))
        return Found([(0, 0)]) if "coalesce" in str(statement) else Found()

    async def rows(self, statement: Executable) -> list[Any]:
        """Find nothing."""
        self.statements.append(statement)
        return []

    async def row(self, statement: Executable) -> None:
        """Find nothing."""
        self.statements.append(statement)

    async def transaction(self, work: Callable[["RecordingDatabase"], Awaitable[Any]]) -> Any:  # noqa: ANN401
        """Record what is done in it."""
        return await work(self)


def profile(profile_id: UUID) -> Profile:
    known = {"external_id": "x", "name": None, "email": None, "attributes": {}, "merged_into": None}
    return Profile.model_validate({"id": profile_id, "created_at": NOW, "updated_at": NOW, **known})


def recorded(use: Callable[[Database], Coroutine[Any, Any, Any]]) -> list[Executable]:
    database = RecordingDatabase()

    async def run() -> None:
        with contextlib.suppress(ValueError):  # of a row that was not written
            await use(cast("Database", database))

    asyncio.run(run())
    assert database.statements
    return database.statements


CAMPAIGN = NewCampaign(name="Spring sale", platform="meta", daily_budget_cents=0)
REQUEST = Request(uuid4(), TENANT, 1001, None, "req-1", None)
USES: dict[str, Callable[[Database], Coroutine[Any, Any, Any]]] = {
    "list automations": lambda db: DatabaseAutomations(db).newest(TENANT, limit=5, before=7),
    "list campaigns": lambda db: DatabaseCampaigns(db).newest(TENANT, limit=5, before=7),
    "read a campaign": lambda db: DatabaseCampaigns(db).get(TENANT, 7),
    "make a campaign": lambda db: DatabaseCampaigns(db).add(TENANT, CAMPAIGN),
    "find profiles": lambda db: DatabaseProfiles(db).search(TENANT, "x", limit=5, before=UUID(int=9)),
    "make a profile": lambda db: DatabaseProfiles(db).add(TENANT, {"external_id": "x", "attributes": {}}),
    "change a profile": lambda db: DatabaseProfiles(db).change(TENANT, UUID(int=1), {"name": "Ada"}),
    "merge profiles": lambda db: DatabaseProfiles(db).merge(TENANT, UUID(int=1), UUID(int=2)),
    "evaluate a segment": lambda db: DatabaseSegments(db).evaluate(TENANT, 7),
    "report a signal": lambda db: DatabaseSignals(db).add(TENANT, NewSignal(signal_type="delivery", score=1)),
    "read the dashboard": lambda db: DatabaseAnalytics(db).dashboard(TENANT, 7),
    "ask for an execution": lambda db: DatabaseExecutions(db).add(REQUEST),
    "read an execution": lambda db: DatabaseExecutions(db).find(TENANT, uuid4()),
}


def is_bound(statement: Executable) -> bool:
    """Tell whether each part of a statement that reads or writes rows names the tenant."""
    if isinstance(statement, Insert) and statement.select is None:
        return statement.compile(dialect=postgresql.dialect()).params.get("tenant_id") == TENANT
    if isinstance(statement, Insert):
        return is_bound(cast("Select[Any]", statement.select))
    assert isinstance(statement, (Select, Update))
    parts = [part for part in statement.get_children() if isinstance(part, Select)]
    inner = [one.element for one in getattr(statement, "selected_columns", ()) if hasattr(one, "element")]
    nested = [one for one in (*parts, *inner) if isinstance(one, Select)]
    if nested:
        return all(is_bound(one) for one in nested)
    condition = statement.whereclause
    if condition is None:
        return False
    compiled = condition.compile(dialect=postgresql.dialect())
    return "tenant_id = " in str(compiled) and TENANT in compiled.params.values()


@pytest.mark.parametrize("use", USES)
def test_every_statement_is_bound_to_the_tenant(use: str) -> None:
    unbound = [str(statement) for statement in recorded(USES[use]) if not is_bound(statement)]

    assert unbound == []


def test_a_statement_that_forgets_the_tenant_is_noticed() -> None:
    from sqlalchemy import select  # noqa: PLC0415 - for a statement that no store has

    from sample_app.campaigns.tables import CAMPAIGNS  # noqa: PLC0415

    assert not is_bound(select(CAMPAIGNS))
    assert not is_bound(select(CAMPAIGNS).where(CAMPAIGNS.c.id == 7))
    assert not is_bound(select(select(CAMPAIGNS.c.id).scalar_subquery()))
    assert is_bound(select(CAMPAIGNS).where(CAMPAIGNS.c.tenant_id == TENANT))
