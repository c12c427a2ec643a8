"""No tenant sees or changes another's rows, by any route of the API: each route has a case here, or the first test fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from harness.eventually import Probe, eventually
from harness.expectations import equals
from signals.test_platform import CAMPAIGN, ask, make_profile, pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.clients.api import Api, Execution
    from harness.clients.database import Database
    from harness.clients.http import Json

V1 = "/api/v1"
NO_ROWS = {"GET /health", "GET /health/live", "GET /health/ready"}  # they know no tenant


@dataclass(frozen=True)
class Owned:
    """What one tenant has."""

    mark: str
    campaign: int
    profile: str
    other_profile: str
    run: Execution


# Routes that name a row: the address and the body by which its owner reaches it.
NAMES_A_ROW: dict[str, Callable[[Owned], tuple[str, Json]]] = {
    "POST /api/v1/automations/{automation_id}/execute": lambda _: ("/automations/1001/execute", None),
    "GET /api/v1/automations/{automation_id}/executions/{execution_id}": lambda owned: (
        f"/automations/1001/executions/{owned.run.execution_id}",
        None,
    ),
    "GET /api/v1/campaigns/{campaign_id}": lambda owned: (f"/campaigns/{owned.campaign}", None),
    "PATCH /api/v1/cdp/profiles/{profile_id}": lambda owned: (
        f"/cdp/profiles/{owned.profile}",
        {"name": "Mallory"},
    ),
    "POST /api/v1/cdp/profiles/{profile_id}/merge": lambda owned: (
        f"/cdp/profiles/{owned.profile}/merge",
        {"source_id": owned.other_profile},
    ),
    "POST /api/v1/cdp/segments/{segment_id}/evaluate": lambda _: ("/cdp/segments/1101/evaluate", None),
}

# Routes that show many rows, or figures over them: whatever the owner has, others are shown the same as without it.
SHOWS_ROWS: dict[str, Json] = {
    "GET /api/v1/campaigns": {"limit": 100},
    "GET /api/v1/cdp/profiles/search": {"limit": 100},
    "GET /api/v1/analytics/dashboard": {},
}

# Routes that show rows which no route makes: the numbers that are each tenant's.
SHOWS_SEEDED_ROWS: dict[str, dict[str, set[int]]] = {
    "GET /api/v1/automations": {"acme": {1001, 1002, 1003}, "techco": {2001, 2002, 2003}},
}

TAKES_AN_EVENT = "POST /api/v1/cdp/events"  # whose row is written a moment later

# Routes that write a row of the tenant's own: a body, which must not be able to say whose it is.
WRITES_A_ROW: dict[str, Callable[[], Json]] = {
    "POST /api/v1/campaigns": lambda: CAMPAIGN,
    "POST /api/v1/cdp/profiles": lambda: {"external_id": uuid4().hex},
    "POST /api/v1/trust/signals": lambda: {"signal_type": "delivery", "score": 73},
    TAKES_AN_EVENT: lambda: {"event_type": "purchase"},
}


@pytest.fixture(scope="module")
def intruder(techco: Api) -> Api:
    """Somebody with a key, of another tenant."""
    return techco


@pytest.fixture(scope="module")
def owned(acme: Api) -> Owned:
    """Make rows that bear a mark."""
    mark = uuid4().hex
    campaign = ask(acme, "POST", "/campaigns", status=201, json={**CAMPAIGN, "name": mark}).body["id"]
    profile, other = (make_profile(acme, name=mark)["id"] for _ in range(2))
    return Owned(mark, campaign, profile, other, acme.execute(1001, reason=mark))


@pytest.fixture
def untouched(owned: Owned, database: Database) -> Iterator[None]:  # noqa: ARG001 - its rows come first
    """Compare every row of the owner, in every table, with what it was before the test."""
    waiting = "SELECT count(*) FROM executions WHERE tenant_id = 'acme' AND status = 'queued'"
    eventually(database.rows(waiting), equals((("0",),)), within=60)  # else they change by themselves
    before = _rows_of("acme", database)
    assert {"campaigns", "executions", "profiles", "segments", "signals"} <= before.keys()
    yield
    assert _rows_of("acme", database) == before


def _rows_of(tenant: str, database: Database) -> dict[str, str]:
    """Return a digest of a tenant's rows for each table that has any notion of tenants, by one question."""
    digest = "SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) AS digest FROM %I t WHERE tenant_id = %L"
    tables = "information_schema.columns WHERE column_name = 'tenant_id' AND table_schema = 'public'"
    asked = f"query_to_xml(format($${digest}$$, table_name, '{tenant}'), true, true, '')"
    return dict(database.rows(f"SELECT table_name, replace({asked}::text, E'\\n', '') FROM {tables}").now())  # noqa: S608 - names of ours


def split(operation: str) -> tuple[str, str]:
    method, _, path = operation.partition(" ")
    return method, path.removeprefix(V1)


def test_every_route_has_a_case(acme: Api) -> None:
    """A route that was added without a thought about tenants turns this red."""
    described = acme.send("GET", "/openapi.json").body["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
    cases = (NO_ROWS, NAMES_A_ROW, SHOWS_ROWS, SHOWS_SEEDED_ROWS, WRITES_A_ROW)
    assert routes == set().union(*cases)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("operation", NAMES_A_ROW)
def test_another_tenants_row_does_not_exist(operation: str, owned: Owned, intruder: Api) -> None:
    """The same 404 as for a row that is nowhere, so that nobody learns what others have."""
    method, _ = split(operation)
    path, body = NAMES_A_ROW[operation](owned)
    answer = ask(intruder, method, path, status=404, json=body)
    assert owned.mark not in answer.text


@pytest.mark.parametrize("operation", NAMES_A_ROW)
def test_its_owner_reaches_it(operation: str, acme: Api) -> None:
    """Else the test above would prove nothing."""
    method, _ = split(operation)
    mine = Owned(
        "",
        ask(acme, "POST", "/campaigns", status=201, json=CAMPAIGN).body["id"],
        make_profile(acme)["id"],
        make_profile(acme)["id"],
        acme.execute(1001),
    )
    path, body = NAMES_A_ROW[operation](mine)
    assert acme.send(method, V1 + path, json=body).status in {200, 202}


@pytest.mark.usefixtures("untouched")
def test_nobody_takes_another_tenants_profile_into_their_own(owned: Owned, intruder: Api) -> None:
    """A body may name a row as well as an address does."""
    mine = make_profile(intruder)
    body = {"source_id": owned.profile}
    ask(intruder, "POST", f"/cdp/profiles/{mine['id']}/merge", status=404, json=body)


@pytest.mark.parametrize("operation", SHOWS_ROWS)
def test_what_one_tenant_makes_others_are_not_shown(operation: str, acme: Api, intruder: Api) -> None:
    """Neither in lists nor in figures, nor from the cache; the owner is shown it."""
    _, path = split(operation)
    before = {
        who.tenant: ask(who, "GET", path, params=SHOWS_ROWS[operation]).body for who in (acme, intruder)
    }
    mark = uuid4().hex
    ask(acme, "POST", "/campaigns", status=201, json={**CAMPAIGN, "name": mark})
    make_profile(acme, name=mark)

    assert ask(intruder, "GET", path, params=SHOWS_ROWS[operation]).body == before[intruder.tenant]
    shown = acme_shown(acme, path, SHOWS_ROWS[operation])
    eventually(
        shown, differs_from(before[acme.tenant]), within=15
    )  # figures are a replica's: a moment behind


def acme_shown(acme: Api, path: str, params: Json) -> Probe[Json]:
    return Probe(f"acme's {path}", acme.address, lambda: ask(acme, "GET", path, params=params).body)


def differs_from(before: Json) -> Callable[[Json], None]:
    def expect(now: Json) -> None:
        assert now != before, "nothing has changed"

    return expect


@pytest.mark.parametrize("operation", SHOWS_SEEDED_ROWS)
def test_each_tenant_is_shown_its_own(operation: str, acme: Api, intruder: Api) -> None:
    """All of them, and none of anybody else's."""
    _, path = split(operation)
    for who in (acme, intruder):
        shown = {row["id"] for page in pages(who, path, limit=2) for row in page}
        assert shown == SHOWS_SEEDED_ROWS[operation][who.tenant]


def test_a_search_for_anothers_mark_finds_nothing(owned: Owned, acme: Api, intruder: Api) -> None:
    """By the very words that are in the rows."""
    params = {"q": owned.mark}
    assert ask(intruder, "GET", "/cdp/profiles/search", params=params).body["items"] == []
    found = ask(acme, "GET", "/cdp/profiles/search", params=params).body["items"]
    assert {profile["name"] for profile in found} == {owned.mark}


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("operation", WRITES_A_ROW)
def test_what_one_writes_is_ones_own(operation: str, intruder: Api, database: Database) -> None:
    """The key says whose it is, and a body that says something else is refused."""
    _, path = split(operation)
    before = _rows_of(intruder.tenant, database)
    body = WRITES_A_ROW[operation]()
    for name in ("tenant_id", "tenant"):
        ask(intruder, "POST", path, status=422, json={**body, name: "acme"})
    assert _rows_of(intruder.tenant, database) == before
    ask(intruder, "POST", path, status=202 if operation == TAKES_AN_EVENT else 201, json=body)
    rows = Probe(f"rows of {intruder.tenant}", "PostgreSQL", lambda: _rows_of(intruder.tenant, database))
    eventually(rows, differs_from(before), within=15)


def test_the_applications_role_can_do_what_it_must_and_no_more(database: Database) -> None:
    """It owns nothing, changes no table, and deletes nothing."""
    granted = database.rows(
        "SELECT table_name, string_agg(privilege_type, ',' ORDER BY privilege_type)"
        " FROM information_schema.role_table_grants WHERE grantee = 'stratum_app' GROUP BY 1"
    ).now()
    rights = dict(granted)
    assert rights["campaigns"] == "INSERT,SELECT"
    assert rights["profiles"] == "INSERT,SELECT,UPDATE"
    assert (
        rights["segments"] == rights["tenants"] == rights["tenant_keys"] == rights["automations"] == "SELECT"
    )
    assert {right for table in rights.values() for right in table.split(",")} <= {
        "SELECT",
        "INSERT",
        "UPDATE",
    }
    columns = database.rows(
        "SELECT column_name FROM information_schema.role_column_grants"
        " WHERE grantee = 'stratum_app' AND table_name = 'segments' AND privilege_type = 'UPDATE' ORDER BY 1"
    ).now()
    assert columns == (("evaluated_at",), ("size",))
    role = "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = 'stratum_app'"
    assert database.rows(role).now() == (("f", "f", "f", "f"),)
