"""The ingester's turns: what is committed is acknowledged and counted, and a turn that fails is reported once."""
# ruff: noqa: D102 - the doubled classes describe their methods

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Any, Self
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Tracer
from prometheus_client import CollectorRegistry
from redis.exceptions import OutOfMemoryError
from sqlalchemy import Engine, exc, func, select

from sample_app import ingester
from sample_app.events import ingestion as ingestion_module
from sample_app.events.ingestion import Ingestion
from sample_app.events.metrics import IngesterMetrics
from sample_app.events.stream import REJECTED, Event
from sample_app.events.tables import EVENTS
from sample_app.faults.switchboard import Switches
from sample_app.telemetry.context import SERVING
from unit.sample_app.doubles import EventList, Lines, Turns, events_in_memory

NO_EVENT = {b"event": b"not json"}
TRACE = "0af7651916cd43dd8448eb211c80319c"


@dataclass
class Broker:
    """A stream in a dictionary, one consumer, and what was done to it in order."""

    waiting: dict[bytes, dict[bytes, bytes]] = field(default_factory=dict)
    read: dict[bytes, dict[bytes, bytes]] = field(default_factory=dict)
    rejected: list[dict[bytes, bytes]] = field(default_factory=list)
    acknowledged: list[bytes] = field(default_factory=list)
    broken: Exception | None = None
    room: float = inf
    """Of how many entries at most in the stream another one is taken."""

    def push(self, *events: Event) -> None:
        for event in events:
            self.waiting[f"{len(self.waiting) + len(self.read)}-0".encode()] = event.as_entry()

    def push_what_is_no_event(self) -> None:
        self.waiting[b"9-0"] = NO_EVENT

    def xgroup_create(self, *_: object, **__: object) -> None:
        self.want_room()

    def xautoclaim(self, *_: object, **__: object) -> tuple[bytes, list[Any], list[bytes]]:
        return b"0-0", [], []

    def xreadgroup(self, _group: str, _consumer: str, streams: dict[str, str], **_: object) -> list[Any]:
        if self.broken is not None:
            raise self.broken
        (after,) = streams.values()
        if after == ">":
            self.read |= self.waiting
            self.waiting = {}
        return [(b"stream", list(self.read.items()))]

    def xadd(self, stream: str, entry: dict[bytes, bytes], **_: object) -> None:
        assert stream == REJECTED
        assert entry, "the client refuses an entry without fields"
        self.want_room()
        self.rejected.append(entry)

    def want_room(self) -> None:
        if len(self.read) + len(self.waiting) > self.room:
            raise OutOfMemoryError

    def pipeline(self, *, transaction: bool = True) -> "Broker":
        if transaction:  # where any of its commands could need room, and for none of them is any
            self.want_room()
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def xack(self, _stream: str, _group: str, *ids: bytes) -> None:
        self.acknowledged.extend(ids)

    def xdel(self, _stream: str, *ids: bytes) -> None:
        for one in ids:
            del self.read[one]

    def execute(self) -> None:
        return None


def event(**more: Any) -> Event:  # noqa: ANN401 - any field
    made: dict[str, Any] = {
        "id": uuid4(),
        "tenant_id": "acme",
        "event_type": "purchase",
        "profile_id": None,
        "properties": {},
        "occurred_at": datetime.now(UTC),
        "request_id": "req-1",
        "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
    }
    return Event(**{**made, **more})


@pytest.fixture(autouse=True)
def _unserved() -> Iterator[None]:
    """Leave nobody served behind: a turn says whom it serves, and is no context of its own."""
    token = SERVING.set(None)
    yield
    SERVING.reset(token)


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Return a store in memory; SQLite has the same ON CONFLICT, under its own dialect's name."""
    yield from events_in_memory(monkeypatch)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def ingestion(broker: Broker, engine: Engine, tracer: Tracer, registry: CollectorRegistry) -> Ingestion:
    return Ingestion(broker, engine, tracer, IngesterMetrics(registry), "test", 10)  # type: ignore[arg-type]


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(EVENTS)).scalar_one()


def counted(registry: CollectorRegistry, result: str) -> float | None:
    return registry.get_sample_value("ingester_events_total", {"result": result})


def break_table(engine: Engine) -> None:
    with engine.begin() as connection:
        EVENTS.drop(connection)


def test_what_is_stored_is_acknowledged_counted_and_said(
    ingestion: Ingestion, broker: Broker, engine: Engine, registry: CollectorRegistry, lines: Lines
) -> None:
    one, other = event(), event(event_type="page_view", request_id="req-2")
    broker.push(one, other)

    assert ingestion.turn(wait_seconds=0) == 2
    assert (rows(engine), broker.read, len(broker.acknowledged)) == (2, {}, 2)
    assert (counted(registry, "stored"), counted(registry, "duplicate")) == (2, 0)
    labels = {"event_type": "purchase", "tenant_id": "acme"}
    assert registry.get_sample_value("cdp_events_ingested_total", labels) == 1
    said = lines.named("cdp_event_stored")
    assert [(line["event_id"], line["request_id"]) for line in said] == [
        (str(one.id), "req-1"),
        (str(other.id), "req-2"),
    ]
    assert {line["trace_id"] for line in said} == {TRACE}


def test_an_event_that_is_there_already_is_counted_as_that(
    ingestion: Ingestion, broker: Broker, engine: Engine, registry: CollectorRegistry
) -> None:
    """Sent twice in one batch, and once more in another."""
    one = event()
    broker.push(one, one)
    ingestion.turn(wait_seconds=0)
    broker.push(one)
    ingestion.turn(wait_seconds=0)

    assert rows(engine) == 1
    assert (counted(registry, "stored"), counted(registry, "duplicate")) == (1, 2)


def test_what_is_not_stored_is_neither_acknowledged_nor_counted(
    ingestion: Ingestion, broker: Broker, engine: Engine, registry: CollectorRegistry
) -> None:
    break_table(engine)
    broker.push(event())
    with pytest.raises(exc.OperationalError):
        ingestion.turn(wait_seconds=0)

    assert broker.acknowledged == []
    assert counted(registry, "stored") == 0


def test_what_is_no_event_is_put_aside_and_holds_up_nothing(
    ingestion: Ingestion, broker: Broker, engine: Engine, registry: CollectorRegistry, lines: Lines
) -> None:
    broker.push_what_is_no_event()
    broker.push(event())
    ingestion.turn(wait_seconds=0)

    assert (rows(engine), broker.rejected) == (1, [NO_EVENT])
    assert counted(registry, "rejected") == 1
    assert [line["level"] for line in lines.named("event_rejected")] == ["error"]


def test_what_the_database_refuses_is_put_aside_and_the_others_are_stored(
    ingestion: Ingestion, broker: Broker, engine: Engine, registry: CollectorRegistry, lines: Lines
) -> None:
    refused = event(event_type=None)
    broker.push(event(), refused, event())
    ingestion.turn(wait_seconds=0)

    assert (rows(engine), broker.read) == (2, {})
    assert broker.rejected == [refused.as_entry()]
    assert [(line["event_id"], line["kept"]) for line in lines.named("event_rejected")] == [
        (str(refused.id), True)
    ]
    assert (counted(registry, "stored"), counted(registry, "rejected")) == (2, 1)


def test_a_full_broker_is_rid_of_the_stored_before_it_must_take_the_rejected(
    ingestion: Ingestion, broker: Broker, engine: Engine, registry: CollectorRegistry
) -> None:
    broker.push_what_is_no_event()
    broker.push(event())
    broker.room = 1
    ingester._store_forever(ingestion, Switches(), Turns(1))

    assert (rows(engine), broker.read) == (1, {})
    assert broker.rejected == [NO_EVENT]
    assert counted(registry, "rejected") == 1


def test_a_broker_that_stays_full_is_emptied_all_the_same(
    ingestion: Ingestion, broker: Broker, engine: Engine, registry: CollectorRegistry, lines: Lines
) -> None:
    """It takes nothing, no transaction and no group; a rejected event is then let go, and that is said."""
    broker.push_what_is_no_event()
    broker.push(event())
    broker.room = -1
    ingester._store_forever(ingestion, Switches(), Turns(1))

    assert (rows(engine), broker.read, broker.rejected) == (1, {}, [])
    assert counted(registry, "rejected") == 1
    assert [(line["level"], line["kept"]) for line in lines.named("event_rejected")] == [("error", False)]


def test_an_entry_that_somebody_deleted_holds_up_nothing(
    ingestion: Ingestion, broker: Broker, registry: CollectorRegistry, lines: Lines
) -> None:
    """It was read and not acknowledged; Redis returns its id without contents."""
    broker.read[b"0-0"] = {}
    ingestion.turn(wait_seconds=0)

    assert (broker.read, broker.rejected) == ({}, [])
    assert counted(registry, "rejected") == 0
    assert [line["level"] for line in lines.named("event_gone")] == ["warning"]


def test_the_batch_is_a_span_that_links_to_its_requests(
    ingestion: Ingestion, broker: Broker, exporter: InMemorySpanExporter
) -> None:
    broker.push(event(), event(traceparent=None))
    ingestion.turn(wait_seconds=0)

    (batch,) = exporter.get_finished_spans()
    assert (batch.name, batch.kind, batch.parent) == ("store_events", SpanKind.CONSUMER, None)
    assert (batch.attributes or {})["messaging.batch.message_count"] == 2
    assert [f"{link.context.trace_id:032x}" for link in batch.links] == [TRACE]


def test_a_failure_is_reported_once_and_leads_to_its_request(  # noqa: PLR0917 - fixtures
    ingestion: Ingestion,
    broker: Broker,
    lines: Lines,
    errors: EventList,
    exporter: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same events fail in every turn until somebody mends it."""

    def refuse(*_: object) -> None:
        raise exc.ProgrammingError("INSERT", {}, Exception("permission denied"))

    monkeypatch.setattr(ingestion_module, "insert", refuse)
    broker.push(event())
    ingester._store_forever(ingestion, Switches(), Turns(3))

    assert [line["level"] for line in lines.named("ingestion_failed")] == ["error"]
    [reported] = errors.events
    batch = exporter.get_finished_spans()[0].context
    assert {key: reported["tags"][key] for key in ("request_id", "tenant_id", "trace_id")} == {
        "request_id": "req-1",
        "tenant_id": "acme",
        "trace_id": f"{batch.trace_id:032x}",
    }
    assert reported["release"] == "1.2.3"


def test_an_absent_store_is_a_warning_once_and_no_error_event(
    ingestion: Ingestion, broker: Broker, lines: Lines, errors: EventList
) -> None:
    broker.broken = ConnectionError("away")
    ingester._store_forever(ingestion, Switches(), Turns(3))

    assert [line["level"] for line in lines.named("ingestion_postponed")] == ["warning"]
    assert errors.events == []


def test_tenants_are_asked_for_again_whatever_the_database_says(ingestion: Ingestion, lines: Lines) -> None:
    class Refusing:
        asked = 0

        def connect(self) -> None:
            self.asked += 1
            raise exc.ProgrammingError("SELECT", {}, Exception('relation "tenants" does not exist'))

    class Looks(Turns):
        def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - as its parent's
            return self.is_set()

    engine = Refusing()
    ingester._expect_forever(ingestion, engine, Looks(3))  # type: ignore[arg-type]

    assert engine.asked == 3
    assert [line["cause"] for line in lines.named("tenants_unknown")] == ["ProgrammingError"]
