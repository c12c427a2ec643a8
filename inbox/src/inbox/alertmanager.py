"""Alertmanager's own webhook, format 4: ``POST /webhook/<receiver>``, for what is sent to no outside service.

Two receivers: ``watchdog``, the dead man's switch, and ``info``, what is worth keeping and not worth a message.
"""

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from inbox.bodies import BodyError, TooLargeError, read_object
from inbox.intake import Intake
from inbox.notifications import Received, Receiver, links, text

_LARGEST_MESSAGE = 512 * 1024
_FORMAT = "4"
_TOLD_ELSEWHERE = {"alertname", "severity", "team"}

_RECEIVERS: dict[str, Receiver] = {"watchdog": "watchdog", "info": "info"}


def alertmanager_routes(intake: Intake) -> APIRouter:
    """Return the route that takes Alertmanager's webhook messages."""
    router = APIRouter()

    @router.post("/webhook/{name}")
    async def webhook(name: str, request: Request) -> JSONResponse:
        """Take one message."""
        receiver = _RECEIVERS.get(name)
        if receiver is None:
            return _refuse(intake, 404, [f"no such receiver; there are {', '.join(_RECEIVERS)}"])
        failure = await intake.meet_failure(receiver, request)
        if failure:
            body = {"status": "error", "errors": ["refused on purpose"]}
            return JSONResponse(body, status_code=failure.status_code, headers=failure.headers)
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
    for name in ("groupKey", "receiver"):
        if not text(message.get(name)):
            yield f"'{name}' is missing or blank"
    alerts = message.get("alerts")
    if not isinstance(alerts, list) or not alerts or not all(map(_is_alert, alerts)):
        yield "'alerts' is not a list of alerts"
    for name in ("groupLabels", "commonLabels", "commonAnnotations"):
        if not isinstance(message.get(name), dict):
            yield f"'{name}' is not an object"


def _is_alert(alert: object) -> bool:
    return (
        isinstance(alert, dict)
        and alert.get("status") in ("firing", "resolved")
        and all(isinstance(alert.get(name), dict) for name in ("labels", "annotations"))
        and all(text(alert.get(name)) for name in ("startsAt", "endsAt"))
    )


def _read(message: dict[str, Any], receiver: Receiver) -> Received:
    labels, annotations = message["commonLabels"], message["commonAnnotations"]
    return Received(
        receiver=receiver,
        kind="alertmanager",
        status=message["status"],
        alertname=text(labels.get("alertname")),
        severity=text(labels.get("severity")),
        about=text(
            ", ".join(f"{name}={value}" for name, value in labels.items() if name not in _TOLD_ELSEWHERE)
        ),
        key=text(message["groupKey"]),
        summary=text(annotations.get("summary")),
        links=links(
            [("runbook", annotations.get("runbook_url")), ("dashboard", annotations.get("dashboard_url"))]
        ),
        payload=message,
    )
