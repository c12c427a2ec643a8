"""From a request to a row through a stream: nothing is lost or doubled, whoever is killed; and the trace leads across."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from harness.eventually import eventually
from harness.expectations import at_least, at_most, equals, has_ids, has_spans, is_empty, is_not_empty
from harness.settling import AGE_OF_TURN, counted_so_far

if TYPE_CHECKING:
    from harness.clients.api import Answer, Api
    from harness.clients.database import Database
    from harness.clients.http import Json
    from harness.clients.jaeger import Jaeger
    from harness.clients.loki import Lines, Loki
    from harness.clients.prometheus import Prometheus
    from harness.clients.saboteur import Saboteur
    from harness.eventually import Probe
    from harness.faults import Faults

EVENTS = "/api/v1/cdp/events"
KILLS = 3


def send(tenant: Api, number: int = 0, **more: str) -> Answer:
    """Send an event; again where the API says 503, rightly, since all stood still for 2 s."""
    return tenant.answered("POST", EVENTS, json=purchase(number, **more))


def purchase(number: int = 0, **more: str) -> Json:
    return {"event_type": "purchase", "properties": {"number": number}, **more}


def taken(tenant: Api, number: int) -> str:
    answer = send(tenant, number)
    assert answer.status == 202, repr(answer)
    return str(answer.body["event_id"])


def stored(database: Database, tenant: str, *ids: str):  # noqa: ANN201 - a probe
    listed = ", ".join(f"'{one}'" for one in ids)
    return database.rows(f"SELECT id FROM cdp_events WHERE tenant_id = '{tenant}' AND id IN ({listed})")  # noqa: S608


def rows(found: list[tuple[str, ...]]) -> list[str]:
    return [row[0] for row in found]


def lines_of(event_id: str, loki: Loki) -> Probe[Lines]:
    return loki.lines(
        f'{{service_name="stratum-ingester"}} | event="cdp_event_stored" | event_id="{event_id}"'
    )


def counted_in_turn(query: str, tenant: Api, loki: Loki, prometheus: Prometheus) -> float:
    """Return a count that holds whatever was sent before: the stream is read in turn, a line comes after its count."""
    eventually(lines_of(send(tenant).body["event_id"], loki), is_not_empty, within=30)
    return counted_so_far(prometheus, query, job="stratum-ingester")


@pytest.mark.smoke
def test_an_accepted_event_becomes_a_row_a_line_and_a_count(
    acme: Api, database: Database, loki: Loki, prometheus: Prometheus
) -> None:
    """Under the id that the sender was told."""
    ingested = 'sum(cdp_events_ingested_total{event_type="purchase",tenant_id="acme"})'
    before = counted_in_turn(ingested, acme, loki, prometheus)
    answer = send(acme)
    event_id = answer.body["event_id"]

    assert answer.status == 202
    eventually(stored(database, "acme", event_id), has_ids([event_id], of=rows), within=15)
    (said,) = eventually(lines_of(event_id, loki), is_not_empty, within=15)
    assert (said["request_id"], said["trace_id"]) == (answer.request_id, answer.trace_id)
    eventually(prometheus.value(ingested), equals(before + 1), within=30)


def test_the_batch_is_linked_to_the_requests_of_its_events(acme: Api, loki: Loki, jaeger: Jaeger) -> None:
    """One span cannot have two hundred parents: it links to them, and the line names its trace."""
    answer = send(acme)
    line = f'{{service_name="stratum-ingester"}} | trace_id="{answer.trace_id}"'
    (said,) = eventually(loki.lines(line), is_not_empty, within=15)
    batch = eventually(jaeger.trace(said["batch_trace_id"]), has_spans("store_events"), within=15)
    (store,) = batch.named("store_events")
    assert answer.trace_id in store.linked
    assert [span.name for span in batch.children(store)] == ["INSERT cdp_events"]


def test_an_event_sent_twice_is_stored_once(
    acme: Api, database: Database, loki: Loki, prometheus: Prometheus
) -> None:
    """The sender's own id makes it the same event; another tenant's same id is another event."""
    repeated = 'sum(ingester_events_total{result="duplicate"})'
    before = counted_in_turn(repeated, acme, loki, prometheus)
    own = str(uuid4())
    assert {send(acme, event_id=own).status for _ in range(2)} == {202}

    eventually(prometheus.value(repeated), equals(before + 1), within=30)
    has_ids([own], of=rows)(stored(database, "acme", own).now())


def test_one_tenant_cannot_take_anothers_event_id(acme: Api, techco: Api, database: Database) -> None:
    """Both are stored, each its sender's own."""
    own = str(uuid4())
    send(acme, event_id=own)
    send(techco, event_id=own)

    for tenant in ("acme", "techco"):
        eventually(stored(database, tenant, own), has_ids([own], of=rows), within=15)


def test_an_ingester_that_is_killed_over_and_over_loses_and_doubles_nothing(
    acme: Api, database: Database, faults: Faults
) -> None:
    """SIGKILL at any moment, under traffic: what was accepted is a row, once."""
    accepted: list[str] = []

    def burst(count: int) -> None:
        with ThreadPoolExecutor(max_workers=4) as several:
            accepted.extend(several.map(lambda number: taken(acme, number), range(count)))

    for _ in range(KILLS):
        with ThreadPoolExecutor(max_workers=1) as beside:
            sending = beside.submit(burst, 60)
            with faults.killed("ingester"):
                sending.result()

    assert len(set(accepted)) == 60 * KILLS
    eventually(stored(database, "acme", *accepted), has_ids(accepted, of=rows), within=30)


def test_a_stuck_stream_is_seen_and_catches_up(
    acme: Api, database: Database, prometheus: Prometheus, saboteur: Saboteur
) -> None:
    """While nobody reads, the lag and the age of the oldest event grow; afterwards nothing is missing."""
    lag, age_of_turn = prometheus.value("max(ingester_stream_lag)"), prometheus.value(AGE_OF_TURN)
    eventually(age_of_turn, at_most(2), within=30)
    with saboteur.fault("stuck-stream"):
        eventually(
            age_of_turn, at_least(2.5), within=30
        )  # one turn, of a second, may still have been under way
        event_ids = [send(acme, number).body["event_id"] for number in range(5)]
        eventually(lag, equals(5), within=20)
        assert rows(stored(database, "acme", *event_ids).now()) == []
    eventually(stored(database, "acme", *event_ids), has_ids(event_ids, of=rows), within=20)
    eventually(lag, equals(0), within=20)


def test_a_broker_that_is_away_takes_no_event_and_says_so(
    acme: Api, database: Database, faults: Faults
) -> None:
    """503 with a time to come back, and no row: nothing is accepted that could be lost."""
    own = str(uuid4())
    with faults.stopped("redis-broker"):
        answer = acme.send("POST", EVENTS, json=purchase(event_id=own))
    assert answer.status == 503
    assert answer.headers["Retry-After"]
    is_empty(stored(database, "acme", own).now())
