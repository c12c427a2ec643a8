"""PagerDuty's Events API v2, as far as an alerting system meets it: ``POST /v2/enqueue``.

An event that PagerDuty would refuse is refused here with PagerDuty's status and words, since Alertmanager logs them.
"""

import hmac
import uuid
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from inbox.bodies import BodyError, TooLargeError, read_object
from inbox.intake import Intake
from inbox.notifications import Received, Status, links, text

_LARGEST_EVENT = 512 * 1024
_KEY_LENGTH = 32
_LONGEST_DEDUP_KEY = 255
_STATUS_OF: dict[str, Status] = {"trigger": "firing", "acknowledge": "acknowledged", "resolve": "resolved"}
_SEVERITIES = ("critical", "error", "warning", "info")


def pagerduty_routes(intake: Intake, *, routing_key: str) -> APIRouter:
    """Return the route that takes events with this routing key."""
    router = APIRouter()

    @router.post("/v2/enqueue")
    async def enqueue(request: Request) -> JSONResponse:
        """Take one event."""
        try:
            event = await read_object(request, limit=_LARGEST_EVENT)
        except TooLargeError as error:
            return _refuse(intake, 413, [f"Event is {error}"])
        except BodyError as error:
            intake.refuse("pagerduty", reason=str(error))
            body = {
                "status": "Unrecognized object",
                "message": "Event object format is unrecognized",
                "errors": ["JSON parse error"],
            }
            return JSONResponse(body, status_code=400)
        errors = list(_errors(event))
        if not errors and not hmac.compare_digest(event["routing_key"], routing_key):
            errors = ["Invalid routing key"]
        if errors:
            return _refuse(intake, 400, errors)
        received = _read(event)
        await intake.accept(received)
        body = {"status": "success", "message": "Event processed", "dedup_key": received.key}
        return JSONResponse(body, status_code=202)

    return router


def _refuse(intake: Intake, status_code: int, errors: list[str]) -> JSONResponse:
    intake.refuse("pagerduty", reason="; ".join(errors))
    body = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
    return JSONResponse(body, status_code=status_code)


def _errors(event: dict[str, Any]) -> Iterator[str]:
    """Say all that is wrong with an event, not only the first thing."""
    yield from _key_errors(text(event.get("routing_key")))
    action = text(event.get("event_action"))
    if not action:
        yield "'event_action' is missing or blank"
    elif action not in _STATUS_OF:
        yield "'event_action' is invalid (should be 'trigger', 'acknowledge' or 'resolve')"
    yield from _dedup_key_errors(event.get("dedup_key"), needed=action in {"acknowledge", "resolve"})
    if action == "trigger" or event.get("payload") is not None:
        yield from _payload_errors(event.get("payload"))
    if not _is_list_of_links(event.get("links", [])):
        yield "'links' is invalid (should be a list of objects with 'href')"


def _key_errors(key: str) -> Iterator[str]:
    if not key:
        yield "'routing_key' is missing or blank"
        return
    if len(key) != _KEY_LENGTH:
        yield f"Length of 'routing_key' is incorrect (should be {_KEY_LENGTH} characters)"
    if not (key.isascii() and key.isalnum()):
        yield "'routing_key' cannot contain non-alphanumeric characters."


def _dedup_key_errors(key: object, *, needed: bool) -> Iterator[str]:
    if needed and not text(key):
        yield "'dedup_key' is missing or blank"
    elif key is not None and not isinstance(key, str):
        yield "'dedup_key' is not a string"
    elif isinstance(key, str) and len(key) > _LONGEST_DEDUP_KEY:
        yield f"Length of 'dedup_key' is incorrect (should be at most {_LONGEST_DEDUP_KEY} characters)"


def _payload_errors(payload: object) -> Iterator[str]:
    if not isinstance(payload, dict) or not payload:
        yield "'payload' is missing or blank"
        return
    for name in ("summary", "source", "severity"):
        if not text(payload.get(name)):
            yield f"'payload.{name}' is missing or blank"
    severity = text(payload.get("severity"))
    if severity and severity not in _SEVERITIES:
        yield f"'payload.severity' is invalid (should be one of {', '.join(_SEVERITIES)})"


def _is_list_of_links(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(link, dict) and text(link.get("href")) for link in value
    )


def _read(event: dict[str, Any]) -> Received:
    payload = event.get("payload") or {}
    details = payload.get("custom_details")
    named = text(details.get("alertname")) if isinstance(details, dict) else ""
    return Received(
        receiver="pagerduty",
        kind="pagerduty",
        status=_STATUS_OF[event["event_action"]],
        alertname=named or text(payload.get("class")),
        key=event.get("dedup_key") or uuid.uuid4().hex,
        summary=text(payload.get("summary")),
        links=links((link.get("text"), link.get("href")) for link in event.get("links", [])),
        payload=event | {"routing_key": "(checked, not kept)"},
    )
