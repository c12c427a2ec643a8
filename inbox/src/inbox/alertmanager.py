"""Alertmanager's own webhook, format 4: ``POST /webhook/<receiver>``, for what is sent to no outside service.

Two receivers: ``watchdog``, the dead man's switch, and ``info``, what is worth keeping and not worth a message.
"""

from collections.abc import Iterator
from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from inbox.bodies import BodyError, TooLargeError, read_object
from inbox.intake import Intake
from inbox.notifications import Received, links, text

_LARGEST_MESSAGE = 512 * 1024
_FORMAT = "4"

_WebhookReceiver = Literal["watchdog", "info"]
_RECEIVERS: dict[str, _WebhookReceiver] = {"watchdog": "watchdog", "info": "info"}


def alertmanager_routes(intake: Intake) -> APIRouter:
    """Return the route that takes Alertmanager's webhook messages."""
    router = APIRouter()

    @router.post("/webhook/{name}")
    async def webhook(name: str, request: Request) -> JSONResponse:
        """Take one message."""
        receiver = _RECEIVERS.get(name)
        if receiver is None:
            return _refuse(intake, 404, [f"no such receiver; there are {', '.join(_RECEIVERS)}"])
        try:
            message = await read_object(request, limit=_LARGEST_MESSAGE)
        except TooLargeError as error:
            return _refuse(intake, 413, [str(error)])
        except BodyError as error:
            return _refuse(intake, 400, [str(error)])
        errors = list(_errors(message))
        if errors:
            return _refuse(intake, 400, errors)
        await intake.accept(_read(message, receiver))
        return JSONResponse({"status": "success"})

    return router


def _refuse(intake: Intake, status_code: int, errors: list[str]) -> JSONResponse:
    intake.refuse("alertmanager", reason="; ".join(errors))
    return JSONResponse({"status": "error", "errors": errors}, status_code=status_code)


def _errors(message: dict[str, Any]) -> Iterator[str]:
    if message.get("version") != _FORMAT:
        yield f"'version' is not \"{_FORMAT}\""
    if message.get("status") not in ("firing", "resolved"):
        yield "'status' is neither firing nor resolved"
    if not text(message.get("groupKey")):
        yield "'groupKey' is missing or blank"
    alerts = message.get("alerts")
    if not isinstance(alerts, list) or not alerts or not all(isinstance(alert, dict) for alert in alerts):
        yield "'alerts' is not a list of alerts"
    for name in ("groupLabels", "commonLabels", "commonAnnotations"):
        if not isinstance(message.get(name), dict):
            yield f"'{name}' is not an object"


def _read(message: dict[str, Any], receiver: _WebhookReceiver) -> Received:
    annotations = message["commonAnnotations"]
    return Received(
        receiver=receiver,
        kind="alertmanager",
        status=message["status"],
        alertname=text(message["commonLabels"].get("alertname")),
        key=text(message["groupKey"]),
        summary=text(annotations.get("summary")),
        links=links(
            [("runbook", annotations.get("runbook_url")), ("dashboard", annotations.get("dashboard_url"))]
        ),
        payload=message,
    )
