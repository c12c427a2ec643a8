"""PagerDuty's Events API v2, as far as an alerting system meets it: ``POST /v2/enqueue``.

An event that PagerDuty would refuse is refused here with PagerDuty's status and words, since Alertmanager logs them. What
makes an event valid is in ``pagerduty_rules``.
"""

import hmac
import uuid
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from inbox.bodies import BodyError, TooLargeError, read_object
from inbox.failures import Refusal
from inbox.intake import Intake
from inbox.notifications import Received, Status, links, text
from inbox.pagerduty_rules import errors_in

_LARGEST_EVENT = 512 * 1024
_STATUS_OF: dict[str, Status] = {"trigger": "firing", "acknowledge": "acknowledged", "resolve": "resolved"}


def pagerduty_routes(intake: Intake, *, routing_key: str) -> APIRouter:
    """Return the route that takes events with this routing key."""
    router = APIRouter()

    @router.post("/v2/enqueue")
    async def enqueue(request: Request) -> JSONResponse:
        """Take one event."""
        failure = await intake.meet_failure("pagerduty", request)
        if failure:
            return _failed(failure)
        try:
            event = await read_object(request, limit=_LARGEST_EVENT)
        except TooLargeError as error:
            return _refuse(intake, 413, [f"Event is {error}"])
        except BodyError as error:
            intake.refuse("pagerduty", reason=str(error))
            return _answer(
                400, "Unrecognized object", "Event object format is unrecognized", ["JSON parse error"]
            )
        errors = list(errors_in(event))
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
    return _answer(status_code, "invalid event", "Event object is invalid", errors)


def _failed(failure: Refusal) -> JSONResponse:
    if failure.status_code < 500 and failure.status_code != 429:  # noqa: PLR2004  # status codes are their own names
        return _answer(
            failure.status_code, "invalid event", "Event object is invalid", ["refused on purpose"]
        )
    words = "Request Limit Exceeded" if failure.status_code == 429 else "Internal Server Error"  # noqa: PLR2004
    body = {"status": "error", "message": words}
    return JSONResponse(body, status_code=failure.status_code, headers=failure.headers)


def _answer(status_code: int, status: str, message: str, errors: list[str]) -> JSONResponse:
    return JSONResponse({"status": status, "message": message, "errors": errors}, status_code=status_code)


def _read(event: dict[str, Any]) -> Received:
    payload = event.get("payload") or {}
    details = payload.get("custom_details")
    details = details if isinstance(details, dict) else {}
    return Received(
        receiver="pagerduty",
        kind="pagerduty",
        status=_STATUS_OF[event["event_action"]],
        alertname=text(details.get("alertname")) or text(payload.get("class")),
        severity=text(details.get("severity")) or text(payload.get("severity")),
        about=text(details.get("about")),
        key=event.get("dedup_key") or uuid.uuid4().hex,
        summary=text(payload.get("summary")),
        links=links((link.get("text"), link.get("href")) for link in event.get("links", [])),
        payload=event | {"routing_key": "(checked, not kept)"},
    )
