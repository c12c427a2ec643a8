"""Each client against canned answers: what it asks, what it makes of the answer, what is "not yet" and what is an error."""

import json
import socket
import threading
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from prometheus_api_client.exceptions import PrometheusApiClientException

from harness.clients.alertmanager import Alertmanager
from harness.clients.api import Api, Execution
from harness.clients.errors import Errors
from harness.clients.http import Refused, Session
from harness.clients.inbox import Inbox
from harness.clients.jaeger import Jaeger
from harness.clients.loki import Loki
from harness.clients.prometheus import Prometheus
from harness.clients.saboteur import Saboteur
from harness.eventually import NotYet
from unit.harness.local_server import Asked, serving

Document = dict[str, Any]

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def nobody_listens() -> str:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return f"http://127.0.0.1:{held.getsockname()[1]}"


# --- http ---


def test_an_error_keeps_the_body() -> None:
    with (
        serving(**{"/query": (400, "parse error: unexpected right brace")}) as store,
        pytest.raises(Refused, match=r"GET http.*/query.*400.*unexpected right brace"),
    ):
        Session(store.address).json("/query", q="}")


def test_a_session_begins_anew_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    now, closed = [0.0], []
    monkeypatch.setattr("harness.clients.http.time", SimpleNamespace(monotonic=lambda: now[0]))
    with serving(**{"/": {}}) as store:
        session = Session(store.address)
        monkeypatch.setattr(session, "close", lambda: closed.append(now[0]))
        for now[0] in (3.0, 7.0, 11.5, 12.0):  # uvicorn ends a connection after 5 s
            session.json("/")
    assert closed == [11.5]


def test_what_a_request_uses_up_is_made_anew_when_it_is_sent_again() -> None:
    bodies = iter([b"first", b"second"])

    def answer(_asked: Asked) -> object:
        store.statuses["/x"] = 202 if store.asked[1:] else 503
        return {}

    with serving(**{"/x": answer}) as store:
        assert Api(store.address, key="").answered("POST", "/x", data=lambda: next(bodies)).status == 202
    assert list(bodies) == []


def test_a_store_that_is_away_is_not_yet() -> None:
    with pytest.raises(NotYet, match="connection refused"):
        Session(nobody_listens()).json("/")


def test_a_store_that_starts_is_not_yet() -> None:
    with (
        serving(**{"/": (503, "Ingester not ready: waiting for 15s")}) as store,
        pytest.raises(NotYet, match=r"503 .*waiting for 15s"),
    ):
        Session(store.address).json("/")


def test_a_silent_store_does_not_hold_a_test_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(NotYet, match="read timed out"):
            Session(address, timeout=0.05).json("/")


def test_a_timeout_can_be_chosen_for_one_request() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(requests.Timeout):
        Session().get(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.05)


def test_every_question_is_asked_anew() -> None:
    answers = iter((1, 2))
    with serving(**{"/": lambda _asked: {"n": next(answers)}}) as store:
        session = Session(store.address)
        assert [session.json("/"), session.json("/")] == [{"n": 1}, {"n": 2}]


def test_parameters_without_a_value_are_not_sent() -> None:
    with serving(**{"/": {}}) as store:
        Session(store.address).json("/", a="1", b=None)
    assert store.asked[0].query == {"a": "1"}


def test_the_machines_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with serving(**{"/": {"ok": True}}) as store:
        assert Session(store.address).json("/") == {"ok": True}


# --- prometheus ---


def vector(*samples: Document) -> Document:
    return {"status": "success", "data": {"resultType": "vector", "result": list(samples)}}


def sample(value: str, **labels: str) -> Document:
    return {"metric": labels, "value": [1.5, value]}


def test_prometheus_value_is_the_only_sample() -> None:
    with serving(**{"/api/v1/query": vector(sample("3", job="a"))}) as store:
        assert Prometheus(store.address).value("up").now() == 3.0
    assert store.asked[0].query["query"] == "up"


@pytest.mark.parametrize("answer", [vector(), vector(sample("NaN"))])
def test_prometheus_without_a_value_is_not_yet(answer: Document) -> None:
    with serving(**{"/api/v1/query": answer}) as store, pytest.raises(NotYet):
        Prometheus(store.address).value("up").now()


def test_prometheus_does_not_choose_between_two_values() -> None:
    answer = vector(sample("1", job="a"), sample("2", job="b"))
    with serving(**{"/api/v1/query": answer}) as store:
        with pytest.raises(ValueError, match="2 series"):
            Prometheus(store.address).value("up").now()
        samples = Prometheus(store.address).samples("up").now()
    assert samples.by("job") == {"a": 1.0, "b": 2.0}
    assert repr(samples) == "2 samples: {job='a'} 1; {job='b'} 2"
    with pytest.raises(ValueError, match="instance does not tell"):
        samples.by("instance")


def test_prometheus_refusal_surfaces_and_is_not_retried() -> None:
    answer = (422, {"status": "error", "error": "too many samples"})
    with (
        serving(**{"/api/v1/query": answer}) as store,
        pytest.raises(PrometheusApiClientException, match="too many"),
    ):
        Prometheus(store.address).value("up").now()
    assert len(store.asked) == 1


def test_prometheus_that_replays_its_log_is_not_yet_and_is_asked_once() -> None:
    with serving(**{"/api/v1/query": (503, "Service Unavailable")}) as store, pytest.raises(NotYet):
        Prometheus(store.address).samples("up").now()
    assert len(store.asked) == 1


def test_prometheus_exemplars_carry_their_trace() -> None:
    series = {"seriesLabels": {"endpoint": "/x"}, "exemplars": [exemplar(TRACE)]}
    with serving(**{"/api/v1/query_exemplars": {"data": [series]}}) as store:
        (found,) = Prometheus(store.address).exemplars("m", since=100.0).now()
    assert (found.trace_id, found.value) == (TRACE, 0.012)
    assert repr(found) == "4bf92f35 12ms on /x"


def exemplar(trace_id: str) -> Document:
    return {"labels": {"trace_id": trace_id}, "value": "0.012", "timestamp": 1.5}


# --- loki ---


def streams(*entries: tuple[int, str, dict[str, str]]) -> Document:
    result = [{"stream": labels, "values": [[str(at), body]]} for at, body, labels in entries]
    return {"data": {"resultType": "streams", "result": result}}


def test_loki_lines_are_in_the_order_of_time_whatever_their_stream() -> None:
    answer = streams((2_000_000_000, '{"n": 2}', {"a": "1"}), (1_000_000_000, '{"n": 1}', {"a": "2"}))
    with serving(**{"/loki/api/v1/query_range": answer}) as store:
        lines = Loki(store.address).lines("{a=~'.+'}").now()
    assert lines.of("n") == [1, 2]
    assert lines[0].at == 1.0
    assert repr(lines) == '2 lines, the last: {"n": 2}'


def test_loki_asks_for_one_traces_lines() -> None:
    with serving(**{"/loki/api/v1/query_range": streams()}) as store:
        assert len(Loki(store.address).of_trace(TRACE, service="stratum-api").now()) == 0
    assert store.asked[0].query["query"] == f'{{service_name="stratum-api"}} | trace_id="{TRACE}"'


def test_loki_does_not_count_what_it_may_have_cut_off() -> None:
    answer = streams(*((n, "{}", {}) for n in range(5000)))
    with (
        serving(**{"/loki/api/v1/query_range": answer}) as store,
        pytest.raises(ValueError, match="5000 lines or more"),
    ):
        Loki(store.address).lines("{}").now()


# --- jaeger ---


def span(span_id: str, parent: str, name: str, **more: object) -> Document:
    times = {"startTimeUnixNano": "1000000000", "endTimeUnixNano": "2000000000"}
    return {"traceId": TRACE, "spanId": span_id, "parentSpanId": parent, "name": name, **times, **more}


def of_service(name: str, *spans: Document) -> Document:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]}
    return {"resource": resource, "scopeSpans": [{"spans": list(spans)}]}


def test_jaeger_trace_is_read_whole() -> None:
    attributes = [{"key": "http.status_code", "value": {"intValue": "202"}}]
    answer = {
        "result": {
            "resourceSpans": [
                of_service("stratum-api", span("a1", "caller", "POST /x", kind=2, attributes=attributes)),
                of_service("stratum-worker", span("b1", "a1", "run/x", kind=5, status={"code": 2})),
            ]
        }
    }
    with serving(**{f"/api/v3/traces/{TRACE}": answer}) as store:
        trace = Jaeger(store.address).trace(TRACE).now()
    assert trace.services == {"stratum-api", "stratum-worker"}
    assert trace.is_connected
    (request,) = trace.named("POST /x")
    assert (request.kind, request.attributes["http.status_code"], request.failed) == ("server", 202, False)
    assert trace.children(request)[0].failed
    assert repr(trace) == "trace 4bf92f35 with 2 spans: api:POST /x, worker:run/x"


def test_jaeger_finds_spans_by_name_with_their_links() -> None:
    linked = span("a1", "", "deliver", links=[{"traceId": TRACE, "spanId": "b1"}])
    answer = {"result": {"resourceSpans": [of_service("stratum-api", linked, span("a2", "a1", "other"))]}}
    with serving(**{"/api/v3/traces": answer}) as store:
        (found,) = Jaeger(store.address).operation("stratum-api", "deliver", since=0).now()
    assert found.linked == (TRACE,)
    assert store.asked[0].query["query.operation_name"] == "deliver"
    assert store.asked[0].query["query.start_time_min"] == "1970-01-01T00:00:00+00:00"


def test_jaeger_without_the_trace_is_not_yet() -> None:
    with serving() as store, pytest.raises(NotYet, match="404"):
        Jaeger(store.address).trace(TRACE).now()


def test_jaeger_refusal_surfaces() -> None:
    with (
        serving(**{"/api/v3/traces/x": (400, "malformed trace id")}) as store,
        pytest.raises(Refused, match="malformed"),
    ):
        Jaeger(store.address).trace("x").now()


# --- errors ---


def test_errors_are_found_by_tag() -> None:
    event = {
        "event_id": "11111111-2222-3333-4444-555555555555",
        "data": {
            "exception": {"values": [{"type": "CanaryError", "value": "asked for"}]},
            "tags": {"trace_id": TRACE},
            "release": "dev",
        },
    }
    pages = {
        "/api/canonical/0/issues/": {"results": [{"id": "i1"}]},
        "/api/canonical/0/events/": {"results": [{"id": "e1"}]},
        "/api/canonical/0/events/e1/": event,
    }
    with serving(**pages) as store:
        (found,) = Errors(store.address, token="t").of_trace(TRACE).now()
    assert found.event_id == "11111111222233334444555555555555"
    assert found.release == "dev"
    assert repr(found) == "CanaryError: asked for (trace 4bf92f35)"
    assert store.asked[0].query == {"project": "1", "q": f'trace_id:"{TRACE}"', "order": "desc"}
    assert store.asked[0].headers["Authorization"] == "Bearer t"


def test_no_errors_is_an_answer() -> None:
    with serving(**{"/api/canonical/0/issues/": {"results": []}}) as store:
        assert Errors(store.address, token="t").of_trace(TRACE).now() == ()


# --- alertmanager, inbox ---


def test_alertmanager_alerts() -> None:
    alert = {
        "labels": {"alertname": "Watchdog"},
        "annotations": {},
        "status": {"state": "active"},
        "receivers": [{"name": "watchdog"}],
        "updatedAt": "2026-11-23T00:00:00Z",
    }
    with serving(**{"/api/v2/alerts": [alert]}) as store:
        assert repr(Alertmanager(store.address).alerts("Watchdog").now()) == "(Watchdog active for watchdog,)"
    assert store.asked[0].query == {"filter": 'alertname="Watchdog"'}


def test_inbox_notifications() -> None:
    document = {
        "id": 7,
        "received_at": 12.5,
        "receiver": "pagerduty",
        "kind": "pagerduty",
        "status": "firing",
        "alertname": "APIDown",
        "key": "k",
        "summary": "down",
        "links": {"runbook": "http://127.0.0.1/r"},
        "payload": {},
    }
    with serving(**{"/api/v1/notifications": {"notifications": [document]}}) as store:
        found = Inbox(store.address).notifications("APIDown", receiver="pagerduty", since=3.0).now()
    assert found[0].links["runbook"] == "http://127.0.0.1/r"
    assert repr(found) == "1 notifications: APIDown firing at pagerduty"
    assert store.asked[0].query == {"alertname": "APIDown", "receiver": "pagerduty", "since": "3.000"}


# --- the API ---


def test_the_api_is_asked_under_a_trace_of_our_own() -> None:
    accepted = (202, {"execution_id": 5, "automation_id": 1001, "status": "queued"})
    told: list[str] = []
    with serving(**{"/api/v1/automations/1001/execute": accepted}) as store:
        run = Api(store.address, key="k", on_trace=told.append).execute(1001, reason="because")
    headers = store.asked[0].headers
    assert headers["traceparent"] == f"00-{run.trace_id}-{run.span_id}-01"
    assert headers["X-Request-ID"] == run.request_id
    assert headers["Authorization"] == "Bearer k"
    assert told == [run.trace_id]
    assert (len(run.trace_id), run.execution_id) == (32, 5)


def test_a_run_that_is_not_accepted_fails_with_the_apis_words() -> None:
    refused = (403, {"title": "Forbidden", "detail": "closedco is closed"})
    with (
        serving(**{"/api/v1/automations/1/execute": refused}) as store,
        pytest.raises(AssertionError, match=r"did not accept a run: 403 .*closedco is closed"),
    ):
        Api(store.address, key="k").execute(1)
    assert len(store.asked) == 1


def test_a_run_that_cannot_be_taken_just_now_is_asked_for_again_under_another_trace() -> None:
    """A database that does not answer in time is no reason for a test about something else to fail."""
    accepted = {"execution_id": 5, "automation_id": 1, "status": "queued"}

    def take(_asked: Asked) -> object:
        store.statuses[path] = 202 if len(store.asked) > 1 else 503
        return accepted

    path = "/api/v1/automations/1/execute"
    with serving(**{path: take}) as store:
        run = Api(store.address, key="k").execute(1)
    sent = [asked.headers["traceparent"] for asked in store.asked]
    assert len(set(sent)) == 2
    assert run.trace_id in sent[-1]


def test_any_answer_of_the_api_can_be_looked_at() -> None:
    with serving(**{"/x": (413, "not JSON")}) as store:
        answer = Api(store.address, key="").send("POST", "/x", data=b"x")
    assert (answer.status, answer.text, answer.body) == (413, "not JSON", None)
    assert "Authorization" not in store.asked[0].headers


def outcome(status: str) -> Document:
    return {"status": status, "decision": "pass", "signal_health": 87.5}


@pytest.mark.parametrize(
    ("answer", "result"),
    [(outcome("success"), "Outcome(status='success', decision='pass', signal_health=87.5)")],
)
def test_an_outcome(answer: Document, result: str) -> None:
    with serving(**{"/api/v1/automations/1/executions/5": answer}) as store:
        assert repr(Api(store.address, key="k").outcome(run_of(5)).now()) == result


def test_a_queued_run_is_not_yet() -> None:
    with (
        serving(**{"/api/v1/automations/1/executions/5": outcome("queued")}) as store,
        pytest.raises(NotYet, match="queued"),
    ):
        Api(store.address, key="k").outcome(run_of(5)).now()


def run_of(execution_id: int) -> Execution:
    return Execution(1, execution_id, TRACE, "b" * 16, "r", 0.0)


def test_the_canned_server_says_what_it_was_asked() -> None:
    with serving(**{"/": json.loads("{}")}) as store:
        threads = [threading.Thread(target=Session(store.address).json, args=("/",)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [asked.path for asked in store.asked] == ["/"] * 3


def test_scrapes_are_times_of_every_target_of_a_job_since_then() -> None:
    series = [{"metric": {}, "values": [[9.0, "1"], [12.5, "1"]]}, {"metric": {}, "values": [[11.0, "1"]]}]
    with serving(**{"/api/v1/query": {"data": {"result": series}}}) as store:
        assert Prometheus(store.address).scrapes("stratum-api", since=10.0).now() == (11.0, 12.5)
    assert store.asked[0].query["query"].startswith('up{job="stratum-api"}[')


def test_a_silence_is_made_for_one_name_and_found_while_it_is_in_force() -> None:
    def answer(asked: Asked) -> object:
        held = [{"id": "s1", "status": {"state": "active"}}, {"id": "s2", "status": {"state": "expired"}}]
        return {"silenceID": "s1"} if asked.method == "POST" else held

    with serving(**{"/api/v2/silences": answer}) as store:
        alertmanager = Alertmanager(store.address)
        assert alertmanager.silence("APIDown", until="2100-01-01T00:00:00Z") == "s1"
        assert alertmanager.silences().now() == ("s1",)


# --- saboteur ---


def test_a_fault_is_switched_on_and_off_by_an_api_that_answers_late() -> None:
    """What is left on would outlive its test, so both are asked for until they are answered."""
    away = {"PUT", "DELETE"}  # each answers once that it cannot

    def switch(asked: Asked) -> object:
        store.statuses["/internal/faults/latency"] = (
            503 if asked.method in away else {"PUT": 200, "DELETE": 204}[asked.method]
        )
        away.discard(asked.method)
        return {}

    with serving(**{"/internal/faults/latency": switch}) as store:
        saboteur = Saboteur(Api(store.address, key="k"))
        with saboteur.fault("latency") as fault:
            assert fault.seconds >= 0
        assert [asked.method for asked in store.asked] == ["PUT", "PUT", "DELETE", "DELETE"]
        assert saboteur.healed == [fault]


def test_a_fault_that_is_refused_is_not_asked_for_again() -> None:
    with serving(**{"/internal/faults/latency": (422, {"detail": "too long"})}) as store:
        saboteur = Saboteur(Api(store.address, key="k"))
        with pytest.raises(AssertionError, match="not switched on: 422"), saboteur.fault("latency"):
            pass
        assert len(store.asked) == 1
