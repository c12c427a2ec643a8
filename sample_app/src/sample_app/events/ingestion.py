"""From the stream into the table: at least once, and thanks to the ids exactly once.

An entry is acknowledged only when its row is committed. Whatever kills this process in between leaves the entry to
be read again, by the same consumer when it comes back or by another after a while; the row is then there already.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import time
from typing import Any, cast

import structlog
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Tracer, get_current_span
from redis import Redis
from redis.exceptions import OutOfMemoryError, ResponseError
from sqlalchemy import Engine, exc
from sqlalchemy.dialects.postgresql import insert

from sample_app.events.metrics import IngesterMetrics
from sample_app.events.stream import GROUP, REJECTED, STREAM, Event
from sample_app.events.tables import EVENTS
from sample_app.telemetry import names
from sample_app.telemetry.context import SERVING
from sample_app.telemetry.tracing import parent_from, span

_LOG = structlog.get_logger()
_AT_ONCE = 200
_REJECTED_KEPT = 1_000

Entries = Sequence[tuple[bytes, dict[bytes, bytes]]]


@dataclass(frozen=True)
class Ingestion:
    """One consumer of the stream."""

    broker: Redis
    engine: Engine
    tracer: Tracer
    metrics: IngesterMetrics
    consumer: str
    claim_after_seconds: float

    def begin(self) -> None:
        """Make the group where it is missing, from the stream's beginning."""
        try:
            self.broker.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except OutOfMemoryError:
            return  # only reading makes room; that the group is missing would show itself there
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def turn(self, *, wait_seconds: float) -> int:
        """Store one batch: first what was read before and never acknowledged, then what is new; return its size."""
        entries = self._unfinished() or self._abandoned() or self._new(wait_seconds)
        if entries:
            self._take(entries)
        self.metrics.progressed()
        return len(entries)

    def look(self) -> None:
        """Measure how far behind the stream is."""
        groups = self.broker.xinfo_groups(STREAM)
        pending = next(group["pending"] for group in groups if group["name"] == GROUP.encode())
        # what is stored is deleted, so the rest is unread; Redis' own lag is unknown once entries were deleted
        lag = max(0, self.broker.xlen(STREAM) - pending)
        oldest = cast("Entries", self.broker.xrange(STREAM, count=1))
        born = int(oldest[0][0].partition(b"-")[0]) / 1000 if oldest else time()
        self.metrics.behind(lag=lag, pending=pending, oldest_seconds=max(0.0, time() - born))

    def _unfinished(self) -> Entries:
        return self._read("0", None)

    def _abandoned(self) -> Entries:
        answer = cast(
            "tuple[bytes, Entries, list[bytes]]",
            self.broker.xautoclaim(
                STREAM, GROUP, self.consumer, round(self.claim_after_seconds * 1000), count=_AT_ONCE
            ),
        )
        return answer[1]

    def _new(self, wait_seconds: float) -> Entries:
        return self._read(">", round(wait_seconds * 1000))

    def _read(self, after: str, block: int | None) -> Entries:
        answer = cast(
            "list[tuple[bytes, Entries]]",
            self.broker.xreadgroup(GROUP, self.consumer, {STREAM: after}, count=_AT_ONCE, block=block),
        )
        return answer[0][1] if answer else []

    def _take(self, entries: Entries) -> None:
        """Store what can be stored, then put the rest aside, for which a full broker has room only when the stored are gone."""
        events = _read_events(entries)
        stored = self._store(events) if events else []
        if stored:
            self._settle(stored)
        for entry_id, entry in entries:
            if entry_id not in stored:
                self._reject(entry_id, entry, events.get(entry_id))

    def _settle(self, ids: Sequence[bytes]) -> None:
        """Let entries leave the stream, which cannot grow for ever. No transaction: a full Redis 7 refuses every one."""
        with self.broker.pipeline(transaction=False) as together:
            together.xdel(STREAM, *ids)  # first: of what is cut short here the rest is met again
            together.xack(STREAM, GROUP, *ids)
            together.execute()

    def _reject(self, entry_id: bytes, entry: dict[bytes, bytes], event: Event | None) -> None:
        """Put aside what can never be stored, so that it holds up nothing else; without room for it, let it go."""
        if not entry:
            self._settle([entry_id])
            _LOG.warning("event_gone", entry_id=entry_id.decode())  # deleted, and not acknowledged
            return
        kept = True
        try:
            self.broker.xadd(REJECTED, cast("Any", entry), maxlen=_REJECTED_KEPT)
        except OutOfMemoryError:
            kept = False
        self._settle([entry_id])
        self.metrics.rejected()
        which = {"entry_id": entry_id.decode(), "event_id": str(event.id) if event else None}
        _LOG.error("event_rejected", kept=kept, **which)

    def _store(self, events: Mapping[bytes, Event]) -> Sequence[bytes]:
        """Store a batch, or, where the database refuses one of its events, the others; return what was stored."""
        try:
            self._insert(list(events.values()))
        except (exc.DataError, exc.IntegrityError):
            if len(events) == 1:
                return []
            return [stored for one in events.items() for stored in self._store(dict([one]))]
        return list(events)

    def _insert(self, events: Sequence[Event]) -> None:
        links = [link for event in events if (link := _link(event)) is not None]
        attributes: dict[str, str | int] = {
            "messaging.system": "redis",
            "messaging.batch.message_count": len(events),
        }
        with (
            span(
                self.tracer, names.SPAN_STORE_EVENTS, attributes, kind=SpanKind.CONSUMER, links=links
            ) as batch,
            self.engine.begin() as connection,
        ):
            _tell_whom(events, batch)
            statement = insert(EVENTS).on_conflict_do_nothing().returning(EVENTS.c.tenant_id, EVENTS.c.id)
            rows = connection.execute(statement, [_row(event) for event in events]).all()
        new = {(row.tenant_id, row.id) for row in rows}
        for event in events:
            if (event.tenant_id, event.id) not in new:
                self.metrics.repeated()
                continue
            new.discard((event.tenant_id, event.id))  # the same event twice in one batch
            self.metrics.stored(event.event_type, event.tenant_id)
            _LOG.info(
                names.EVENT_STORED,
                event_id=str(event.id),
                event_type=event.event_type,
                tenant_id=event.tenant_id,
                request_id=event.request_id,
                batch_trace_id=f"{batch.get_span_context().trace_id:032x}",
                **_ids(event),
            )


def _read_events(entries: Entries) -> dict[bytes, Event]:
    events = {}
    for entry_id, entry in entries:
        with suppress(ValueError):
            events[entry_id] = Event.of_entry(entry)
    return events


def _tell_whom(events: Sequence[Event], batch: Span) -> None:
    """Let lines and error events of this turn lead to its trace, and to the request where there is only one."""
    serving = SERVING.get()
    if serving is None:
        return
    serving.trace_id = f"{batch.get_span_context().trace_id:032x}"
    tenants, requests = {event.tenant_id for event in events}, {event.request_id for event in events}
    if len(tenants) == 1:
        (serving.tenant_id,) = tenants
    if len(requests) == 1:
        (serving.request_id,) = requests


def _row(event: Event) -> dict[str, Any]:
    return {
        "tenant_id": event.tenant_id,
        "id": event.id,
        "event_type": event.event_type,
        "profile_id": event.profile_id,
        "properties": event.properties,
        "occurred_at": event.occurred_at,
        "request_id": event.request_id,
    }


def _link(event: Event) -> Link | None:
    """The batch is a trace of its own; each event's request is a link, since one span cannot have 200 parents."""
    context = _origin(event)
    return Link(context, {"request_id": event.request_id}) if context.is_valid else None


def _ids(event: Event) -> dict[str, str]:
    context = _origin(event)
    return (
        {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
        if context.is_valid
        else {}
    )


def _origin(event: Event) -> SpanContext:
    headers = {"traceparent": event.traceparent} if event.traceparent else {}
    return get_current_span(parent_from(headers)).get_span_context()
