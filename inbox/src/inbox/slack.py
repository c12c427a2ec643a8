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
_MOST_ATTACHMENTS = 100
_MOST_BLOCKS = 50
# Slack's own words for each status
_WORDS = {
    400: "invalid_payload",
    403: "action_prohibited",
    404: "channel_not_found",
    410: "channel_is_archived",
    429: "rate_limited",
}
_LINK = re.compile(r"<(?P<address>https?://[^|>\s]+)\|(?P<text>[^>]+)>")
_ALERTNAME = re.compile(r"(?:^|,)alertname=(?P<alertname>[^,]+)")
_SEVERITY = re.compile(r"\((?P<severity>critical|warning|info|none)\)$")
_ABOUT = re.compile(r"^_(.+); since [^_]+_$", re.MULTILINE)
_MOST_ABOUT = 3
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
        failure = await intake.meet_failure(webhook.receiver, request)
        if failure:
            words = _WORDS.get(failure.status_code, "rollup_error")
            return PlainTextResponse(words, status_code=failure.status_code, headers=failure.headers)
        try:
            message = await read_object(request, limit=_LARGEST_MESSAGE)
        except BodyError:
            return _refuse(intake, 400, "invalid_payload")
        problem = _problem(message)
        if problem:
            return _refuse(intake, 400, problem)
        await intake.accept(_read(message, webhook))
        return PlainTextResponse("ok")

    return router


def _refuse(intake: Intake, status_code: int, reason: str) -> PlainTextResponse:
    intake.refuse("slack", reason=reason)
    return PlainTextResponse(reason, status_code=status_code)


def _problem(message: dict[str, Any]) -> str:
    """Return Slack's word for what is wrong with a message, or nothing."""
    attachments, blocks = message.get("attachments") or [], message.get("blocks") or []
    if not isinstance(attachments, list):
        return "invalid_attachments"
    if len(attachments) > _MOST_ATTACHMENTS:
        return "too_many_attachments"
    if not isinstance(blocks, list) or len(blocks) > _MOST_BLOCKS or not all(map(_is_block, blocks)):
        return "invalid_blocks"
    return "" if _says_something(message) else "no_text"


def _is_block(block: object) -> bool:
    return isinstance(block, dict) and bool(text(block.get("type")))


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
    severe = _SEVERITY.search(title)
    bold = _BOLD.search(words)
    return Received(
        receiver=webhook.receiver,
        kind="slack",
        status="resolved" if title.startswith("[RESOLVED") else "firing",
        alertname=named["alertname"] if named else "",
        severity=severe["severity"] if severe else "",
        about=text(_unescape("; ".join(_ABOUT.findall(words)[:_MOST_ABOUT]))),
        key=group,
        summary=text(_unescape(bold["summary"])) if bold else title,
        links=links((link["text"], link["address"]) for link in _LINK.finditer(words)),
        payload=message,
    )


def _unescape(words: str) -> str:
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
