"""`WS /ws/decisions`: the live feed of a tenant's decisions.

The tenant's key comes in the Authorization header, or, from a browser, which cannot set one,
as a second subprotocol: `new WebSocket(url, ["stratum.decisions", key])`. Never in the address: addresses are logged.
"""

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from opentelemetry.trace import Link, SpanKind, Tracer, get_current_span

from sample_app.auth import tenant_of_key
from sample_app.database import UNAVAILABLE
from sample_app.feed.hub import TooManyConnectionsError
from sample_app.feed.messages import Decided
from sample_app.problems import ProblemError, database_away, refused
from sample_app.stores import ThePlatform
from sample_app.telemetry import names
from sample_app.telemetry.context import SERVING
from sample_app.telemetry.tracing import parent_from
from sample_app.telemetry.watch import TheWatch

SUBPROTOCOL = "stratum.decisions"

router = APIRouter(prefix="/ws")


@router.websocket("/decisions")
async def follow_decisions(websocket: WebSocket, platform: ThePlatform, watch: TheWatch) -> None:
    """Send each decision of the tenant as it is made; whatever the client says is not read."""
    offered = [str(name) for name in websocket.scope["subprotocols"]]
    try:
        tenant = await tenant_of_key(platform, _authorization(websocket, offered))
        with platform.feed.listen(tenant.id) as decisions:
            await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
            await _relay(websocket, decisions, watch.tracer)
    except ProblemError as error:
        await websocket.send_denial_response(refused(error))
    except TooManyConnectionsError:
        busy = ProblemError(HTTPStatus.TOO_MANY_REQUESTS, "This tenant has too many connections open.")
        await websocket.send_denial_response(refused(busy))
    except UNAVAILABLE:
        await websocket.send_denial_response(database_away())


def _authorization(websocket: WebSocket, offered: list[str]) -> str | None:
    given = websocket.headers.get("authorization")
    keys = [name for name in offered if name != SUBPROTOCOL]
    return f"Bearer {keys[0]}" if given is None and SUBPROTOCOL in offered and keys else given


async def _relay(websocket: WebSocket, decisions: asyncio.Queue[Decided], tracer: Tracer) -> None:
    sending = asyncio.create_task(_send(websocket, decisions, tracer))
    leaving = asyncio.create_task(_wait_for_end(websocket))
    try:
        done, _ = await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        sending.cancel()
        leaving.cancel()


async def _send(websocket: WebSocket, decisions: asyncio.Queue[Decided], tracer: Tracer) -> None:
    serving = SERVING.get()
    while True:
        decided = await decisions.get()
        # a trace of its own, as the connection outlives every trace; the link leads to the decision's
        made_in = get_current_span(parent_from({"traceparent": decided.traceparent or ""})).get_span_context()
        attributes = {
            "tenant_id": decided.tenant_id,
            "execution_id": str(decided.shown.execution_id),
            "request_id": serving.request_id if serving else "",
        }
        links = [Link(made_in)] if made_in.is_valid else []
        with tracer.start_as_current_span(
            names.SPAN_DELIVER, parent_from({}), SpanKind.PRODUCER, attributes, links
        ):
            try:
                await websocket.send_text(decided.shown.model_dump_json())
            except WebSocketDisconnect:
                return


async def _wait_for_end(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
