"""What nobody expected reaches the error tracker once, with the ids that lead to it; what was expected never does."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from harness.eventually import Probe, consistently, eventually
from harness.expectations import above, equals, has_length, is_empty, is_not_empty
from harness.settling import counted_so_far

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.clients.api import Answer, Api, Execution
    from harness.clients.database import Database
    from harness.clients.errors import ErrorEvent, Errors
    from harness.clients.http import Json
    from harness.clients.loki import Loki
    from harness.clients.prometheus import Prometheus
    from harness.clients.saboteur import Saboteur
    from harness.stack import Stack

EVENTS = "/api/v1/cdp/events"
SETTLES = 3.0  # seconds without a second event; Bugsink takes one within a second


def only_event(errors: Errors, trace_id: str) -> ErrorEvent:
    """Wait for a trace's event, and then for no second one."""
    eventually(errors.of_trace(trace_id), is_not_empty, within=30)
    (event,) = consistently(errors.of_trace(trace_id), has_length(1), during=SETTLES)
    return event


@contextmanager
def everybody_notices(saboteur: Saboteur, name: str, **parameters: Json) -> Iterator[None]:
    """Break one thing, and begin when every process has seen it: each looks again within a quarter of a second."""
    with saboteur.fault(name, **parameters):
        on = Probe("faults that are on", saboteur.api.address, saboteur.what_is_on)
        consistently(on, equals([name]), during=0.6)
        yield


def ids(event: ErrorEvent) -> dict[str, str]:
    return {name: event.tags.get(name, "") for name in ("service", "trace_id", "request_id", "tenant_id")}


def of_run(run: Execution, *, service: str, tenant: str) -> dict[str, str]:
    return {"service": service, "trace_id": run.trace_id, "request_id": run.request_id, "tenant_id": tenant}


def test_a_workers_unhandled_exception_is_one_event(
    acme: Api, saboteur: Saboteur, errors: Errors, stack: Stack
) -> None:
    """It fails before it has read anything: whose it was came with the message."""
    with everybody_notices(saboteur, "tasks-fail", share=1):
        run = acme.execute(1001)
        event = only_event(errors, run.trace_id)
    assert event.kind == "InjectedError"
    assert ids(event) == of_run(run, service="stratum-worker", tenant="acme")
    assert event.release == stack.services["worker"]["environment"]["STRATUM_RELEASE"]


def test_an_exhausted_integration_is_one_event(
    acme: Api, saboteur: Saboteur, errors: Errors, loki: Loki
) -> None:
    """Four attempts: three warnings, one error, one event."""
    with everybody_notices(saboteur, "ad-platform", failure="unavailable"):
        run = acme.execute(1001)
        assert eventually(acme.outcome(run), within=30).status == "failed"
        event = only_event(errors, run.trace_id)
    assert event.kind == "IntegrationError"
    assert ids(event) == of_run(run, service="stratum-worker", tenant="acme")
    lines = eventually(loki.lines(attempts_of(run)), has_length(4), within=15)
    assert lines.of("level") == ["warning", "warning", "warning", "error"]


def attempts_of(run: Execution) -> str:
    return f'{{service_name="stratum-worker"}} | trace_id="{run.trace_id}" | event="integration_failure"'


def test_a_retry_that_succeeds_is_no_event(  # noqa: PLR0917 - fixtures
    acme: Api,
    saboteur: Saboteur,
    errors: Errors,
    operator: Api,
    loki: Loki,
    prometheus: Prometheus,
) -> None:
    """The platform is slow; as soon as an attempt has failed it is well again, long before the last attempt."""
    timeouts = 'sum(integration_failures_total{tenant_id="acme",error_class="timeout"})'
    before = counted_so_far(prometheus, timeouts, job="stratum-worker")
    with everybody_notices(saboteur, "ad-platform", failure="slow", milliseconds=20_000):
        run = acme.execute(1001)
        # a metric comes within a scrape; a line may be late where an earlier test has taken Loki away
        eventually(prometheus.value(timeouts), above(before), within=30, every=0.1)
    assert eventually(acme.outcome(run), within=30).status == "success"
    said = eventually(loki.lines(attempts_of(run)), is_not_empty, within=15)
    assert set(said.of("level")) == {"warning"}
    assert set(said.of("error_class")) == {"timeout"}
    stays_without_event(errors, operator, run.trace_id)


def stays_without_event(errors: Errors, operator: Api, *trace_ids: str) -> None:
    """Expect that no event of these comes, although one that was caused later has come."""
    eventually(errors.of_trace(operator.canary_error().trace_id), has_length(1), within=30)

    def read() -> list[ErrorEvent]:
        return [event for trace_id in trace_ids for event in errors.of_trace(trace_id).read()]

    consistently(Probe("error events of what was expected", errors.address, read), is_empty, during=SETTLES)


def refused(api: Api) -> dict[int, Answer]:
    """Ask what cannot be done, and return an answer for each way to say no."""
    known = {"external_id": f"person-{uuid4().hex}"}
    api.answered("POST", "/api/v1/cdp/profiles", json=known)
    answers = (
        api.answered("GET", "/api/v1/campaigns", headers={"Authorization": "Bearer nobody"}),
        api.answered("GET", "/api/v1/nothing"),
        api.answered("DELETE", "/api/v1/campaigns"),
        api.answered("POST", "/api/v1/automations/2001/execute"),
        api.answered("POST", "/api/v1/cdp/profiles", json=known),
        api.answered("POST", EVENTS, json={"event_type": "x" * 9_000}),
        api.answered("POST", EVENTS, data=b"x" * 2_000_000),
    )
    return {answer.status: answer for answer in answers}


def test_what_a_client_does_wrong_is_no_event(
    acme: Api, closedco: Api, errors: Errors, operator: Api
) -> None:
    """Whatever the status, from 400 up to 499."""
    answers = {**refused(acme), 403: closedco.answered("GET", "/api/v1/campaigns")}
    assert set(answers) >= {401, 403, 404, 405, 409, 413, 422}
    assert max(answers) < 500
    stays_without_event(errors, operator, *(answer.trace_id for answer in answers.values()))


@contextmanager
def without_right_to_store(database: Database) -> Iterator[None]:
    """Take from the application the right to write events, as a migration gone wrong would."""
    database.rows("REVOKE INSERT ON cdp_events FROM stratum_app").now()
    try:
        yield
    finally:
        database.rows("GRANT INSERT ON cdp_events TO stratum_app").now()


def test_an_ingesters_unhandled_exception_is_one_event_and_loses_nothing(  # noqa: PLR0917 - fixtures
    techco: Api,
    errors: Errors,
    database: Database,
    loki: Loki,
    saboteur: Saboteur,  # noqa: ARG001 - only where things may be broken
    stack: Stack,
) -> None:
    """The batch is tried again and again, and reported once; mended, the event is stored."""
    with without_right_to_store(database):
        answer = techco.answered("POST", EVENTS, json={"event_type": "purchase"})
        of_request = errors.tagged("request_id", answer.request_id)
        eventually(of_request, is_not_empty, within=30)
        (event,) = consistently(of_request, has_length(1), during=SETTLES)
    stored = database.rows(f"SELECT tenant_id FROM cdp_events WHERE id = '{answer.body['event_id']}'")  # noqa: S608
    eventually(stored, equals((("techco",),)), within=30)

    assert event.kind == "ProgrammingError"
    assert (event.tags["service"], event.tags["tenant_id"]) == ("stratum-ingester", "techco")
    assert event.release == stack.services["ingester"]["environment"]["STRATUM_RELEASE"]
    (line,) = eventually(
        loki.lines('{service_name="stratum-ingester"} | event="ingestion_failed"', since=answer.sent_at - 1),
        has_length(1),
        within=15,
    )
    assert (line["trace_id"], line["request_id"]) == (event.tags["trace_id"], answer.request_id)
