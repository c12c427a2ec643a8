"""The live feed: a decision made in a worker reaches its tenant's open connections, and leads back to its trace."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from harness.eventually import NotYet, Probe, eventually
from harness.expectations import equals, has_length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.sync.client import ClientConnection

    from harness.clients.api import Api, Execution
    from harness.clients.database import Database
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


def next_of(socket: ClientConnection, timeout: float) -> Json:
    return json.loads(socket.recv(timeout=timeout))


def heard(api: Api, socket: ClientConnection, automation: int) -> tuple[Execution, list[Json]]:
    """Execute until a decision is heard, and return its run and all that was told: the feed is no history, and may pause.

    A process of the worker gives up telling soon, and then pauses; each has a connection of its own.
    """
    told: list[Json] = []

    def read() -> Execution:
        run = api.execute(automation)
        eventually(api.outcome(run), within=60)
        try:
            while not told or told[-1]["execution_id"] != run.execution_id:  # an earlier one's may be late
                told.append(next_of(socket, 1))
        except TimeoutError:
            raise NotYet("not told within 1 s") from None
        return run

    run = eventually(Probe("a run whose decision the feed tells", api.address, read), within=60)
    return run, told


def owners(told: list[Json], database: Database) -> set[str]:
    """Say whose the runs are that a feed told of."""
    ids = {one["execution_id"] for one in told}
    listed = ", ".join(f"'{one}'" for one in ids)
    rows = database.rows(f"SELECT id, tenant_id FROM executions WHERE id IN ({listed})").now()  # noqa: S608 - ids of ours
    whose = dict(rows)
    assert whose.keys() == ids
    return set(whose.values())


def test_a_decision_reaches_its_own_tenant_only(acme: Api, techco: Api, database: Database) -> None:
    with following(acme) as mine, following(techco) as others:
        # each socket is read up to a decision that was made after the other tenant's: what it should not be told comes before
        _, seen = heard(acme, mine, 1001)
        _, seen_by_others = heard(techco, others, 2001)
        run, seen_since = heard(acme, mine, 1001)
        seen += seen_since
    outcome = eventually(acme.outcome(run), within=60)
    assert (seen[-1]["decision"], seen[-1]["status"]) == (outcome.decision, outcome.status)
    assert owners(seen, database) == {"acme"}
    assert owners(seen_by_others, database) == {"techco"}


def test_a_delivery_links_to_the_trace_of_the_decision(acme: Api, jaeger: Jaeger) -> None:
    with following(acme) as socket:
        run, _ = heard(acme, socket, 1002)

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
            eventually(acme.outcome(unseen), within=60)  # decided all the same
        heard(acme, socket, 1003)


@pytest.mark.slow
def test_open_connections_do_not_hold_up_a_stop(acme: Api, faults: Faults) -> None:
    with following(acme), faults.stopped("api") as (stopped,):
        assert stopped.seconds < 8  # well below the 10 s after which Docker kills
