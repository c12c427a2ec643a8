"""The live feed: a tenant's own decisions, each linked to its trace, over connections that are counted and never leak."""

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st
from opentelemetry.trace import SpanKind
from prometheus_client import CollectorRegistry, Gauge
from redis.exceptions import ConnectionError as RedisGone
from sqlalchemy import exc
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.utils import ClientDisconnected

from sample_app.feed.announcer import Announcer
from sample_app.feed.hub import MAX_PER_TENANT, DecisionHub
from sample_app.feed.messages import Decided, Shown
from sample_app.telemetry.connections import Connections
from unit.sample_app.doubles import ACME, TECHCO, App, EventList, Lines

FEED = "/api/v1/ws/decisions"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
MADE_IN = f"00-{TRACE}-00f067aa0ba902b7-01"


def decided(tenant_id: str, execution_id: UUID | None = None, traceparent: str | None = MADE_IN) -> Decided:
    shown = Shown(
        execution_id=execution_id or uuid4(),
        automation_id=1001,
        decision="hold",
        status="held",
        signal_health=55.0,
        decided_at=datetime(2026, 11, 23, tzinfo=UTC),
    )
    return Decided(tenant_id=tenant_id, traceparent=traceparent, shown=shown)


def hub_of(app: App) -> DecisionHub:
    assert isinstance(app.platform.feed, DecisionHub)
    return app.platform.feed


def connections(app: App) -> float | None:
    return app.sample("api_active_connections")


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    """The application in one loop, so that a test can hand it decisions while connections are open."""
    with app.client as running:
        yield running


def hand_on(app: App, client: TestClient, *messages: Decided) -> None:
    assert client.portal is not None
    for message in messages:
        client.portal.call(hub_of(app).hand_on, message)


def test_a_tenant_sees_its_own_decisions_and_no_others(app: App, client: TestClient) -> None:
    mine = uuid4()
    with client.websocket_connect(FEED, headers=ACME) as socket:
        hand_on(app, client, decided("techco"), decided("acme", mine))
        seen = socket.receive_json()

    assert seen == {
        "execution_id": str(mine),
        "automation_id": 1001,
        "decision": "hold",
        "status": "held",
        "signal_health": 55.0,
        "decided_at": "2026-11-23T00:00:00Z",
    }


def test_each_delivery_is_a_span_that_links_to_the_decision(app: App, client: TestClient) -> None:
    made = uuid4()
    with client.websocket_connect(FEED, headers={**ACME, "X-Request-ID": "req-9"}) as socket:
        hand_on(app, client, decided("acme", made))
        socket.receive_json()

    [span] = app.spans()
    assert (span.name, span.kind, span.parent) == ("deliver_decision", SpanKind.PRODUCER, None)
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [TRACE]
    assert f"{span.context.trace_id:032x}" != TRACE
    assert dict(span.attributes or {}) == {
        "tenant_id": "acme",
        "execution_id": str(made),
        "request_id": "req-9",
    }


@pytest.mark.parametrize("traceparent", [None, "", "nonsense"])
def test_a_decision_without_a_trace_is_delivered_without_a_link(
    app: App, client: TestClient, traceparent: str | None
) -> None:
    with client.websocket_connect(FEED, headers=ACME) as socket:
        hand_on(app, client, decided("acme", traceparent=traceparent))
        socket.receive_json()

    [span] = app.spans()
    assert list(span.links) == []


def test_a_connection_is_counted_while_it_is_open_and_told_when_it_ends(app: App, client: TestClient) -> None:
    assert connections(app) == 0
    with client.websocket_connect(FEED, headers={**ACME, "X-Request-ID": "req-9"}):
        with client.websocket_connect(FEED, headers=TECHCO):
            assert connections(app) == 2
        assert connections(app) == 1

    assert connections(app) == 0
    line = app.lines.named("websocket_closed")[-1]
    assert line.pop("duration_ms") > 0
    assert line.pop("timestamp").endswith("Z")
    assert len(line.pop("trace_id")) == 32
    assert line == {
        "event": "websocket_closed",
        "level": "info",
        "service": "stratum-api",
        "endpoint": FEED,
        "accepted": True,
        "close_code": 1000,
        "tenant_id": "acme",
        "user_id": "acme-seed",
        "request_id": "req-9",
    }


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer nope"}, 401),
        ({"Authorization": "Bearer key-closed"}, 403),
        ({"Sec-WebSocket-Protocol": "stratum.decisions, nope"}, 401),
        ({"Sec-WebSocket-Protocol": "key-acme"}, 401),
    ],
    ids=["no key", "unknown", "closed account", "unknown in a subprotocol", "without our subprotocol"],
)
def test_whoever_has_no_key_is_refused_and_never_counted(
    app: App, client: TestClient, headers: dict[str, str], status: int
) -> None:
    with pytest.raises(WebSocketDenialResponse) as refusal, client.websocket_connect(FEED, headers=headers):
        pass

    assert refusal.value.status_code == status
    assert refusal.value.headers["content-type"] == "application/problem+json"
    assert connections(app) == 0
    [line] = app.lines.named("websocket_closed")
    assert (line["accepted"], line["close_code"]) == (False, None)
    assert app.errors.events == []


def test_a_browser_gives_its_key_as_a_subprotocol(client: TestClient) -> None:
    with client.websocket_connect(FEED, subprotocols=["stratum.decisions", "key-acme"]) as socket:
        assert socket.accepted_subprotocol == "stratum.decisions"  # the key is not sent back


def test_what_the_client_says_is_not_read_and_breaks_nothing(app: App, client: TestClient) -> None:
    with client.websocket_connect(FEED, headers=ACME) as socket:
        socket.send_text("hello")
        socket.send_bytes(b"\x00")
        hand_on(app, client, decided("acme"))
        assert socket.receive_json()["decision"] == "hold"


def test_while_the_database_is_away_nobody_is_let_in(
    app: App, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_key: str) -> None:
        raise exc.TimeoutError("pool")

    monkeypatch.setattr(app.platform.tenants, "by_key", fail)
    with pytest.raises(WebSocketDenialResponse) as refusal, client.websocket_connect(FEED, headers=ACME):
        pass

    assert refusal.value.status_code == 503
    assert connections(app) == 0


def test_a_tenant_has_only_so_many_connections(app: App, client: TestClient) -> None:
    hub = hub_of(app)
    with ExitStack() as open_ones:
        for _ in range(MAX_PER_TENANT):
            open_ones.enter_context(hub.listen("acme"))
        with pytest.raises(WebSocketDenialResponse) as refusal, client.websocket_connect(FEED, headers=ACME):
            pass
        assert refusal.value.status_code == 429
        with client.websocket_connect(FEED, headers=TECHCO):
            assert connections(app) == 1

    with client.websocket_connect(FEED, headers=ACME):
        assert connections(app) == 1


def test_who_does_not_keep_up_loses_the_oldest() -> None:
    hub = DecisionHub()
    with hub.listen("acme") as queue:
        sent = [decided("acme") for _ in range(150)]
        for one in sent:
            hub.hand_on(one)
        kept = [queue.get_nowait() for _ in range(queue.qsize())]

    assert kept == sent[-100:]


def test_the_hub_forgets_who_left() -> None:
    hub = DecisionHub()
    with pytest.raises(ZeroDivisionError), hub.listen("acme"):
        raise ZeroDivisionError

    assert hub._listeners == {}


@rules(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    accepts=st.booleans(),
    fails=st.sampled_from([None, RuntimeError, WebSocketDisconnect, asyncio.CancelledError]),
    closes=st.booleans(),
    breaks=st.booleans(),
)
def test_however_a_connection_ends_it_is_uncounted(
    accepts: bool,  # noqa: FBT001 - parameters of the property
    fails: type[BaseException] | None,
    closes: bool,  # noqa: FBT001
    breaks: bool,  # noqa: FBT001
    lines: Lines,  # noqa: ARG001 - where what is said goes
) -> None:
    active = Gauge("active", "in this test", registry=CollectorRegistry())
    seen: list[float] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        if accepts:
            await send({"type": "websocket.accept"})
        seen.append(active._value.get())
        if closes:
            await send({"type": "websocket.close", "code": 1000})
        if fails is not None:
            raise fails

    async def send(_message: Message) -> None:
        if breaks:
            raise OSError("the client is gone")

    async def receive() -> Message:
        return {"type": "websocket.disconnect"}

    async def serve() -> None:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect, asyncio.CancelledError, OSError):
            await Connections(app, active=active)({"type": "websocket", "headers": []}, receive, send)

    asyncio.run(serve())
    assert active._value.get() == 0
    assert seen in ([1 if accepts else 0], [])


def test_a_broken_connection_is_reported_once_and_logged(errors: EventList, lines: Lines) -> None:
    async def broken(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        raise RuntimeError("password=hunter2")

    async def send(_message: Message) -> None:
        pass

    async def receive() -> Message:
        return {"type": "websocket.disconnect"}

    layer = Connections(broken, active=Gauge("active", "in this test", registry=CollectorRegistry()))
    with pytest.raises(RuntimeError):
        asyncio.run(layer({"type": "websocket", "headers": []}, receive, send))

    [event] = errors.events
    [line] = lines.named("websocket_closed")
    assert (line["level"], line["close_code"]) == ("error", 1011)
    assert event["tags"]["request_id"] == line["request_id"]
    assert "hunter2" not in repr(event) + repr(line)


def test_who_leaves_during_the_handshake_is_no_error(errors: EventList, lines: Lines) -> None:
    """Nor is a server that stops: uvicorn refuses the answer with an OSError, which Starlette hands on."""

    async def accepting(scope: Scope, receive: Receive, send: Send) -> None:
        await WebSocket(scope, receive, send).accept()

    async def send(_message: Message) -> None:
        raise ClientDisconnected

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    layer = Connections(accepting, active=Gauge("active", "in this test", registry=CollectorRegistry()))
    asyncio.run(layer({"type": "websocket", "headers": []}, receive, send))

    [line] = lines.named("websocket_closed")
    assert (line["level"], line["accepted"]) == ("info", False)
    assert errors.events == []


class GoneRedis:
    """A Redis that is not there."""

    def __init__(self) -> None:
        self.asked = 0

    def publish(self, _channel: str, _message: str) -> None:
        """Fail as the client does."""
        self.asked += 1
        raise RedisGone("no route")


def test_an_absent_cache_is_told_of_one_decision_and_then_left_alone(lines: Lines) -> None:
    redis = GoneRedis()
    announcer = Announcer(cast("Any", redis))
    for _ in range(20):
        announcer.tell(decided("acme"))

    assert redis.asked == 1
    assert [line["level"] for line in lines.named("feed_paused")] == ["warning"]
