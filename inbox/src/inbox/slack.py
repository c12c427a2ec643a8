"""Slack's incoming webhooks: ``POST /services/<team>/<service>/<token>``.

Slack answers in plain words, and Alertmanager takes a 200 for success only when the word is ``ok``.

A Slack message is made for people. What the page and the API need to know of it, our own message template tells: the
group in ``callback_id``, which Slack shows nowhere, the status in the title, the links in the text.
"""

import re
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse

from inbox.bodies import BodyError, read_object
from inbox.intake import Intake
from inbox.keys import SlackWebhook
from inbox.notifications import Received, links, text

_LARGEST_MESSAGE = 512 * 1024
_LINK = re.compile(r"<(?P<address>https?://[^|>\s]+)\|(?P<text>[^>]+)>")
_ALERTNAME = re.compile(r"(?:^|,)alertname=(?P<alertname>[^,]+)")
_BOLD = re.compile(r"^\*(?P<summary>.+)\*$", re.MULTILINE)


def slack_routes(intake: Intake, *, webhooks: tuple[SlackWebhook, ...]) -> APIRouter:
    """Return the route that takes messages for these webhooks."""
    router = APIRouter()

    @router.post("/services/{team}/{service}/{token}")
    async def post(team: str, service: str, token: str, request: Request) -> PlainTextResponse:
        """Take one message."""
        webhook = next((each for each in webhooks if each.serves(team, service)), None)
        if webhook is None:
            return _refuse(intake, 404, "no_service")
        if not webhook.has_token(token):
            return _refuse(intake, 403, "invalid_token")
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _refuse(intake, 400, "invalid_payload")
        try:
            message = await read_object(request, limit=_LARGEST_MESSAGE)
        except BodyError:
            return _refuse(intake, 400, "invalid_payload")
        if not _says_something(message):
            return _refuse(intake, 400, "no_text")
        await intake.accept(_read(message, webhook))
        return PlainTextResponse("ok")

    return router


def _refuse(intake: Intake, status_code: int, reason: str) -> PlainTextResponse:
    intake.refuse("slack", reason=reason)
    return PlainTextResponse(reason, status_code=status_code)


def _says_something(message: dict[str, Any]) -> bool:
    if text(message.get("text")).strip() or message.get("blocks"):
        return True
    return any(
        text(attachment.get(part)).strip()
        for attachment in _attachments(message)
        for part in ("text", "fallback", "pretext", "title")
    )


def _attachments(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    attachments = message.get("attachments")
    if isinstance(attachments, list):
        yield from (attachment for attachment in attachments if isinstance(attachment, dict))


def _read(message: dict[str, Any], webhook: SlackWebhook) -> Received:
    first = next(_attachments(message), {})
    title = text(first.get("title")) or text(message.get("text"))
    words = str(first.get("text") or "")
    group = text(first.get("callback_id"))
    named = _ALERTNAME.search(group)
    bold = _BOLD.search(words)
    return Received(
        receiver=webhook.receiver,
        kind="slack",
        status="resolved" if title.startswith("[RESOLVED") else "firing",
        alertname=named["alertname"] if named else "",
        key=group,
        summary=text(_unescape(bold["summary"])) if bold else title,
        links=links((link["text"], link["address"]) for link in _LINK.finditer(words)),
        payload=message,
    )


def _unescape(words: str) -> str:
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
