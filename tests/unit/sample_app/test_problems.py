"""Every refusal is a problem detail with its ids; nothing a client sends makes a 5xx, and nothing is written."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st
from sqlalchemy import exc

from unit.sample_app.doubles import ACME, EXECUTE, INTERNAL, App

UNKNOWN = "2b6f2d8a-0000-4000-8000-000000000000"
JSON = {**ACME, "Content-Type": "application/json"}
MIB = 1024 * 1024


def is_problem(app: App, answer: object, status: int) -> None:
    assert answer.status_code == status  # type: ignore[attr-defined]
    assert answer.headers["content-type"] == "application/problem+json"  # type: ignore[attr-defined]
    body = answer.json()  # type: ignore[attr-defined]
    assert body["status"] == status
    assert {"type", "title", "detail"} <= body.keys()
    [line] = app.lines.named("api_request")
    assert (line["status_code"], line["request_id"], line["trace_id"]) == (
        status,
        body["request_id"],
        body["trace_id"],
    )
    assert app.executions.requests == []
    assert app.errors.events == []


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer nope"}, {"Authorization": "Basic key-acme"}, {"Authorization": "Bearer "}],
    ids=["none", "unknown", "another scheme", "empty"],
)
def test_without_a_known_key_it_is_401(app: App, headers: dict[str, str]) -> None:
    answer = app.client.post(EXECUTE, headers=headers)

    is_problem(app, answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_disabled_tenant_is_told_403(app: App) -> None:
    is_problem(app, app.client.post(EXECUTE, headers={"Authorization": "Bearer key-closed"}), 403)
    assert app.lines.named("api_request")[0]["tenant_id"] == "closedco"


@pytest.mark.parametrize("key", ["nope", "", "key-acme"])
def test_internal_routes_want_the_internal_key(app: App, key: str) -> None:
    is_problem(app, app.client.post("/internal/canary", headers={"Authorization": f"Bearer {key}"}), 401)


@pytest.mark.parametrize(
    "path", ["/api/v1/automations/2001/execute", "/api/v1/automations/9223372036854775807/execute"]
)
def test_another_tenants_or_an_unknown_automation_is_404(app: App, path: str) -> None:
    is_problem(app, app.client.post(path, headers=ACME), 404)


def test_an_unknown_execution_is_404(app: App) -> None:
    is_problem(app, app.client.get(f"/api/v1/automations/1001/executions/{UNKNOWN}", headers=ACME), 404)


def test_a_tenant_does_not_see_anothers_execution(app: App) -> None:
    sung = app.client.post("/internal/canary", headers=INTERNAL).json()

    path = f"/api/v1/automations/9001/executions/{sung['execution_id']}"
    assert app.client.get(path, headers=ACME).status_code == 404
    assert (
        app.client.get(f"/internal/canary/executions/{sung['execution_id']}", headers=INTERNAL).status_code
        == 200
    )


def test_an_execution_belongs_to_its_automation_only(app: App) -> None:
    made = app.client.post(EXECUTE, headers=ACME).json()["execution_id"]

    assert app.client.get(f"/api/v1/automations/1002/executions/{made}", headers=ACME).status_code == 404


def test_a_wrong_method_is_405_and_says_what_is_allowed(app: App) -> None:
    answer = app.client.get(EXECUTE, headers=ACME)

    is_problem(app, answer, 405)
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "number", ["-1", "0", "abc", "1.5", "1e3", "9223372036854775808", "9" * 4000, "%00", "0x1", "1001%00"]
)
def test_an_impossible_automation_id_is_422(app: App, number: str) -> None:
    answer = app.client.post(f"/api/v1/automations/{number}/execute", headers=ACME)

    is_problem(app, answer, 422)
    assert answer.json()["errors"][0]["field"] == "path.automation_id"


def test_an_execution_id_that_is_no_uuid_is_422(app: App) -> None:
    answer = app.client.get("/api/v1/automations/1001/executions/xyz", headers=ACME)

    is_problem(app, answer, 422)
    assert answer.json()["errors"][0]["field"] == "path.execution_id"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"reason": 5}', "body.reason"),
        (b'{"reason": "%s"}' % (b"x" * 201), "body.reason"),
        (b'{"reason": "a\\u0000b"}', "body.reason"),
        (b'{"reason": "\\ud800"}', "body.reason"),
        (b'{"unknown": 1}', "body.unknown"),
        (b"[1]", "body"),
        (b"{bad", "body"),
        (b"\xff\xfe", "body"),
        (b"[" * 200_000, "body"),
        (b'{"reason": %s}' % (b"9" * 10_000), "body"),
    ],
    ids=["type", "length", "nul", "surrogate", "unknown", "list", "json", "utf8", "depth", "digits"],
)
def test_an_unfit_body_is_422_and_names_the_field(app: App, body: bytes, field: str) -> None:
    answer = app.client.post(EXECUTE, headers=JSON, content=body)

    is_problem(app, answer, 422)
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
def test_a_body_beyond_one_mebibyte_is_413(app: App, declared: bool) -> None:  # noqa: FBT001 - a parameter of the test
    chunks = [b"x" * MIB, b"x"]
    answer = app.client.post(EXECUTE, headers=JSON, content=b"".join(chunks) if declared else iter(chunks))

    is_problem(app, answer, 413)


def test_a_body_of_one_mebibyte_is_read(app: App) -> None:
    is_problem(app, app.client.post(EXECUTE, headers=JSON, content=b" " * MIB), 422)


@pytest.mark.parametrize(
    "failure",
    [exc.OperationalError("SELECT", {}, Exception("gone")), exc.TimeoutError("pool")],
    ids=["refused", "pool empty"],
)
def test_while_the_database_is_away_it_is_503(app: App, failure: Exception) -> None:
    app.executions.failure = failure
    answer = app.client.post(EXECUTE, headers=ACME)

    is_problem(app, answer, 503)
    assert answer.headers["retry-after"] == "2"
    assert app.lines.named("api_request")[0]["level"] == "error"


def test_an_accepted_request_says_where_to_look(app: App) -> None:
    answer = app.client.post(EXECUTE, headers=ACME)

    body = answer.json()
    assert (answer.status_code, body["automation_id"], body["status"]) == (202, 1001, "queued")
    assert answer.headers["location"] == f"/api/v1/automations/1001/executions/{body['execution_id']}"
    app.executions.decide(app.published.ids[0])
    seen = app.client.get(answer.headers["location"], headers=ACME).json()
    assert (seen["status"], seen["decision"], seen["signal_health"]) == ("held", "hold", 55.0)


@rules(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200),
    number=st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=30),
)
def test_no_input_makes_a_server_error(app: App, body: bytes, number: str) -> None:
    answer = app.client.post("/api/v1/automations/" + number + "/execute", headers=JSON, content=body)

    assert answer.status_code < 500
