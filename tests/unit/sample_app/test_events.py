"""Events: taken or refused with a reason, carried with what continues their trace, read back as they were."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from sample_app.events.metrics import IngesterMetrics
from sample_app.events.stream import Event
from unit.sample_app.doubles import ACME, App

EVENTS = "/api/v1/cdp/events"
PURCHASE = {"event_type": "purchase", "profile_id": "c-1", "properties": {"amount": 49.9}}


def test_an_event_is_taken_with_what_continues_its_trace(app: App) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {**ACME, "X-Request-ID": "req-9", "traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    answer = app.client.post(EVENTS, json=PURCHASE, headers=headers)

    assert answer.status_code == 202
    (event,) = app.events.events
    assert str(event.id) == answer.json()["event_id"]
    assert (event.tenant_id, event.event_type, event.request_id) == ("acme", "purchase", "req-9")
    assert (event.traceparent or "").split("-")[1] == trace_id


def test_the_senders_own_id_is_kept(app: App) -> None:
    own = UUID(int=5)
    answer = app.client.post(EVENTS, json={**PURCHASE, "event_id": str(own)}, headers=ACME)

    assert answer.json() == {"event_id": str(own)}
    assert app.events.events[0].id == own


def test_an_event_that_the_stream_does_not_take_is_not_accepted(app: App) -> None:
    app.events.away = True
    answer = app.client.post(EVENTS, json=PURCHASE, headers=ACME)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert app.errors.events == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"event_type": ""}, "event_type"),
        ({"event_type": "No Spaces"}, "event_type"),
        ({"event_type": "x" * 65}, "event_type"),
        ({"profile_id": "a\x00b"}, "profile_id"),
        ({"properties": {"text": "a\x00b"}}, "properties"),
        ({"properties": {"text": "x" * 9000}}, "properties"),
        ({"properties": {"number": 2**70}}, "properties"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": "2026-01-01T00:00:00"}, "occurred_at"),
        ({"event_id": "1"}, "event_id"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_input_is_refused_and_the_field_named(change: dict[str, object], field: str, app: App) -> None:
    answer = app.client.post(EVENTS, json={**PURCHASE, **change}, headers=ACME)

    assert answer.status_code == 422
    assert field in answer.json()["detail"]
    assert app.events.events == []


@given(
    st.builds(
        Event,
        id=st.uuids(),
        tenant_id=st.text(min_size=1, max_size=10),
        event_type=st.text(min_size=1, max_size=10),
        profile_id=st.none() | st.text(max_size=10),
        properties=st.dictionaries(st.text(max_size=5), st.integers(-(2**53), 2**53) | st.text(max_size=5)),
        occurred_at=st.datetimes(
            datetime(1970, 1, 1),  # noqa: DTZ001 - the zone is drawn
            datetime(2100, 1, 1),  # noqa: DTZ001
            timezones=st.just(UTC),
        ),
        request_id=st.text(max_size=10),
        traceparent=st.none() | st.text(max_size=10),
    )
)
def test_what_is_read_from_the_stream_is_what_was_written(event: Event) -> None:
    assert Event.of_entry(event.as_entry()) == event


@pytest.mark.parametrize("entry", [{}, {b"event": b"{}"}, {b"event": b"not json"}, {b"event": b"[]"}])
def test_what_is_no_event_is_told_apart(entry: dict[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Event.of_entry(entry)


def test_invented_event_types_share_one_series() -> None:
    registry = CollectorRegistry()
    metrics = IngesterMetrics(registry)
    metrics.expect(["acme"])
    for number in range(5):
        metrics.stored(f"invented_{number}", "acme")
    metrics.stored("purchase", "acme")

    def ingested(event_type: str) -> float | None:
        labels = {"event_type": event_type, "tenant_id": "acme"}
        return registry.get_sample_value("cdp_events_ingested_total", labels)

    assert (ingested("other"), ingested("purchase"), ingested("page_view")) == (5, 1, 0)
    assert ingested("invented_0") is None
