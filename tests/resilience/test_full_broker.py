"""A broker that is full is emptied by the ingester: what reads the stream must not need room for that.

Redis then refuses more than what grows: the making of a group that is there already, and before version 8 every transaction.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import pytest
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry
from redis import Redis
from redis.exceptions import OutOfMemoryError
from sqlalchemy import Engine, func, select

from harness import local_redis
from sample_app.events.ingestion import Ingestion
from sample_app.events.metrics import IngesterMetrics
from sample_app.events.stream import REJECTED, STREAM, Event
from sample_app.events.tables import EVENTS
from unit.sample_app.doubles import events_in_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE = "x" * 10_000  # of such events a few hundred fill the broker


@pytest.fixture
def broker() -> Iterator[Redis]:
    """A Redis that is soon full, and says so."""
    with (
        local_redis.running("--maxmemory", "4mb", "--maxmemory-policy", "noeviction") as (host, port),
        Redis(host, port, socket_timeout=10) as client,
    ):
        yield client


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A store in memory; SQLite has the same ON CONFLICT, under its own dialect's name."""
    yield from events_in_memory(monkeypatch)


def event() -> Event:
    return Event(uuid4(), "acme", "purchase", None, {"about": LARGE}, datetime.now(UTC), "req-1", None)


def fill(broker: Redis) -> int:
    """Append events until the broker takes none; how many it took."""
    taken = 0
    while True:
        try:
            broker.xadd(STREAM, cast("Any", event().as_entry()))
        except OutOfMemoryError:
            return taken
        taken += 1


def test_a_full_broker_is_emptied_whatever_is_in_it(broker: Redis, engine: Engine) -> None:
    """By an ingester that starts only now, with an entry first that can never be stored."""
    ingestion = Ingestion(
        broker, engine, NoOpTracer(), IngesterMetrics(CollectorRegistry()), "test", claim_after_seconds=10
    )
    ingestion.begin()
    broker.xadd(STREAM, {"event": f"not json: {LARGE}"})
    taken = fill(broker)
    used = broker.info("memory")["used_memory"]
    broker.config_set("maxmemory", 3 * used // 4)  # no command's own buffers decide whether it is full

    ingestion.begin()
    while ingestion.turn(wait_seconds=0.01):
        pass

    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(EVENTS)).scalar_one() == taken > 0
    assert (broker.xlen(STREAM), broker.xlen(REJECTED)) == (0, 1)
    assert fill(broker) > 0
