"""The live feed: a decision made in a worker reaches its tenant's open connections, and leads back to its trace."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from harness.eventually import Probe, eventually
from harness.expectations import equals, has_length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.sync.client import ClientConnection

    from harness.clients.api import Api
    from harness.clients.http import Json
    from harness.clients.jaeger import Jaeger, Span
    from harness.clients.loki import Loki
    from harness.clients.prometheus import Prometheus
    from harness.faults import Faults


@contextmanager
def following(api: Api, **headers: str) -> Iterator[ClientConnection]:
    """Follow a tenant's decisions."""
    address = f"{api.address.replace('http', 'ws', 1)}/api/v1/ws/decisions"
    headers["Authorization"] = str(api.http.headers["Authorization"])
    with connect(address, additional_headers=headers, proxy=None, open_timeout=5) as socket:
        yield socket


def next_of(socket: ClientConnection) -> Json:
    return json.loads(socket.recv(timeout=10))


def test_a_decision_reaches_its_own_tenant_only(acme: Api, techco: Api) -> None:
    with following(acme) as mine, following(techco) as others:
        run, theirs = acme.execute(1001), techco.execute(2001)
        seen, seen_by_others = next_of(mine), next_of(others)
    outcome = eventually(acme.outcome(run), within=15)
    assert seen["execution_id"] == run.execution_id
    assert (seen["decision"], seen["status"]) == (outcome.decision, outcome.status)
    assert seen_by_others["execution_id"] == theirs.execution_id


def test_a_delivery_links_to_the_trace_of_the_decision(acme: Api, jaeger: Jaeger) -> None:
    with following(acme) as socket:
        run = acme.execute(1002)
        next_of(socket)

    def links_once(spans: tuple[Span, ...]) -> None:
        equals(1)([trace for span in spans for trace in span.linked].count(run.trace_id))

    deliveries = jaeger.operation("stratum-api", "deliver_decision", since=run.sent_at)
    eventually(deliveries, links_once, within=15)


def test_open_connections_are_counted_and_never_leak(acme: Api, techco: Api, prometheus: Prometheus) -> None:
    active = prometheus.value("sum(api_active_connections)")
    eventually(active, equals(0), within=30)
    with following(acme), following(acme), following(techco) as abandoned:
        eventually(active, equals(3), within=30)
        abandoned.socket.close()  # without a word, as a lost network does
        eventually(active, equals(2), within=30)
    eventually(active, equals(0), within=30)


def test_a_connection_is_a_line_when_it_ends(acme: Api, loki: Loki) -> None:
    with following(acme, **{"X-Request-ID": (request_id := uuid4().hex)}):
        pass
    query = f'{{service_name="stratum-api"}} | event="websocket_closed" |= "{request_id}"'
    (line,) = eventually(loki.lines(query), has_length(1), within=15)
    assert (line["endpoint"], line["tenant_id"], line["accepted"]) == ("/api/v1/ws/decisions", "acme", True)


def test_without_a_key_the_feed_is_refused_in_problem_details(acme: Api) -> None:
    address = f"{acme.address.replace('http', 'ws', 1)}/api/v1/ws/decisions"
    with pytest.raises(InvalidStatus) as refusal, connect(address, proxy=None):
        pass
    answer = refusal.value.response
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


@pytest.mark.slow
def test_the_feed_goes_on_after_the_cache_was_away(acme: Api, faults: Faults) -> None:
    with following(acme) as socket:
        with faults.stopped("redis"):
            unseen = acme.execute(1001)
            eventually(acme.outcome(unseen), within=15)  # decided all the same

        def read() -> str:
            run = acme.execute(1003)
            eventually(acme.outcome(run), within=15)
            try:
                return str(next_of_now(socket)["execution_id"] == run.execution_id)
            except TimeoutError:
                return "nothing"

        eventually(Probe("a decision in the feed", acme.address, read), equals("True"), within=30)


def next_of_now(socket: ClientConnection) -> Json:
    return json.loads(socket.recv(timeout=1))


@pytest.mark.slow
def test_open_connections_do_not_hold_up_a_stop(acme: Api, faults: Faults) -> None:
    with following(acme), faults.stopped("api") as (stopped,):
        assert stopped.seconds < 8  # well below the 10 s after which Docker kills
