"""Bad input is refused in problem details, logged and counted, and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from harness.eventually import eventually
from harness.expectations import at_least, has_length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.clients.api import Answer, Api
    from harness.clients.database import Database
    from harness.clients.errors import Errors
    from harness.clients.loki import Loki
    from harness.clients.prometheus import Prometheus
    from harness.stack import Stack

EXECUTE = "/api/v1/automations/1001/execute"
TEMPLATE = "/api/v1/automations/{automation_id}/execute"
JSON = {"Content-Type": "application/json"}
TOO_LONG = 1024 * 1024 + 1


def in_pieces() -> Iterator[bytes]:
    """Yield a body of unknown length that is too long in the end."""
    piece = b"x" * 65536
    for _ in range(TOO_LONG // len(piece) + 1):
        yield piece


@dataclass(frozen=True)
class Bad:
    """One thing a client may send, and what it must be told."""

    status: int
    path: str = EXECUTE
    method: str = "POST"
    who: str = "acme"
    endpoint: str = TEMPLATE
    names: str = ""  # the field the answer must name
    options: dict[str, Any] = field(default_factory=dict)


CASES = {
    "no token": Bad(401, who="nobody"),
    "unknown token": Bad(401, options={"headers": {"Authorization": "Bearer made-up"}}),
    "another scheme": Bad(401, options={"headers": {"Authorization": "Basic YTpi"}}),
    "closed account": Bad(403, who="closedco", path="/api/v1/automations/4001/execute"),
    "unknown automation": Bad(404, path="/api/v1/automations/1999/execute"),
    "another tenant's automation": Bad(404, path="/api/v1/automations/2001/execute"),
    "unknown route": Bad(404, path="/api/v1/nothing", endpoint="unmatched"),
    "internal route with a tenant's key": Bad(401, path="/internal/canary", endpoint="/internal/canary"),
    "method not allowed": Bad(405, method="DELETE"),
    "automation id is a word": Bad(422, path="/api/v1/automations/first/execute", names="automation_id"),
    "automation id is too large": Bad(
        422, path=f"/api/v1/automations/{10**30}/execute", names="automation_id"
    ),
    "not JSON": Bad(422, options={"data": b"{", "headers": JSON}),
    "not an object": Bad(422, options={"json": ["reason"]}),
    "reason is no text": Bad(422, options={"json": {"reason": 5}}, names="reason"),
    "reason is too long": Bad(422, options={"json": {"reason": "x" * 201}}, names="reason"),
    "reason holds a NUL": Bad(422, options={"json": {"reason": "a\x00b"}}, names="reason"),
    "unknown field": Bad(422, options={"json": {"reasons": "x"}}, names="reasons"),
    "too long": Bad(413, options={"data": b"x" * TOO_LONG, "headers": JSON}),
    "too long, in pieces": Bad(413, options={"data": in_pieces, "headers": JSON}),
}


@pytest.fixture(scope="module")
def nobody(stack: Stack) -> Api:
    """Somebody without a key."""
    return stack.stores.stranger(on_trace=stack.sent.append)


@pytest.fixture(scope="module")
def refusals(acme: Api, closedco: Api, nobody: Api, database: Database) -> dict[str, Answer]:
    """Send every case once, and see that none of them wrote a row."""
    senders = {"acme": acme, "closedco": closedco, "nobody": nobody}
    before = database.executions()
    answers = {}
    for name, case in CASES.items():
        answers[name] = senders[case.who].answered(case.method, case.path, **case.options)
    assert database.executions() == before, "a refused request wrote a row"
    return answers


@pytest.mark.smoke
@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_in_problem_details(name: str, refusals: dict[str, Answer]) -> None:
    """The right status, RFC 9457's form, the ids to ask about it, and the field's name."""
    case, answer = CASES[name], refusals[name]
    assert answer.status == case.status, repr(answer)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.body["status"], answer.body["trace_id"]) == (case.status, answer.trace_id)
    assert answer.headers["x-request-id"] == answer.request_id
    assert case.names in answer.text


@pytest.mark.smoke
@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_logged_once(name: str, refusals: dict[str, Answer], loki: Loki) -> None:
    """One line, under the request's own ids, with the status and the route."""
    case, answer = CASES[name], refusals[name]
    (line,) = eventually(loki.of_trace(answer.trace_id), has_length(1), within=15)
    assert (line["status_code"], line["endpoint"]) == (case.status, case.endpoint)
    assert line["request_id"] == answer.request_id


@pytest.mark.smoke
@pytest.mark.parametrize("status", sorted({case.status for case in CASES.values()}))
def test_bad_input_is_counted(status: int, refusals: dict[str, Answer], prometheus: Prometheus) -> None:
    """Every refusal is in the figure of its route and status."""
    for endpoint in {case.endpoint for case in CASES.values() if case.status == status}:
        cases = [name for name, case in CASES.items() if (case.status, case.endpoint) == (status, endpoint)]
        query = f'sum(api_requests_total{{endpoint="{endpoint}",status_code="{status}"}})'
        eventually(prometheus.value(query), at_least(len([refusals[name] for name in cases])), within=45)


def test_bad_input_is_no_error_of_ours(refusals: dict[str, Answer], errors: Errors) -> None:
    """The error tracker is for defects; none of these is one."""
    found = {name: errors.of_trace(answer.trace_id).now() for name, answer in refusals.items()}
    assert {name: events for name, events in found.items() if events} == {}
