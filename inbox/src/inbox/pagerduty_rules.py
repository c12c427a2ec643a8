"""What PagerDuty asks of an event, from its public documentation; every shortfall is told, not only the first."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from inbox.notifications import text

_KEY_LENGTH = 32
_LONGEST_DEDUP_KEY = 255
_LONGEST_SUMMARY = 1024
_ACTIONS = ("trigger", "acknowledge", "resolve")
_SEVERITIES = ("critical", "error", "warning", "info")
_OPTIONAL_TEXTS = ("component", "group", "class")


def errors_in(event: dict[str, Any]) -> Iterator[str]:
    """Say all that is wrong with an event."""
    yield from _key_errors(text(event.get("routing_key")))
    action = text(event.get("event_action"))
    if not action:
        yield "'event_action' is missing or blank"
    elif action not in _ACTIONS:
        yield "'event_action' is invalid (should be 'trigger', 'acknowledge' or 'resolve')"
    yield from _dedup_key_errors(event.get("dedup_key"), needed=action in {"acknowledge", "resolve"})
    if action == "trigger" or event.get("payload") is not None:
        yield from _payload_errors(event.get("payload"))
    if not _are_all_with(event.get("links", []), "href"):
        yield "'links' is invalid (should be a list of objects with 'href')"
    if not _are_all_with(event.get("images", []), "src"):
        yield "'images' is invalid (should be a list of objects with 'src')"


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
    if len(str(payload.get("summary"))) > _LONGEST_SUMMARY:
        yield f"Length of 'payload.summary' is incorrect (should be at most {_LONGEST_SUMMARY} characters)"
    severity = text(payload.get("severity"))
    if severity and severity not in _SEVERITIES:
        yield f"'payload.severity' is invalid (should be one of {', '.join(_SEVERITIES)})"
    for name in _OPTIONAL_TEXTS:
        if not isinstance(payload.get(name, ""), str):
            yield f"'payload.{name}' is not a string"
    if "timestamp" in payload and not _is_moment(payload["timestamp"]):
        yield "'payload.timestamp' is not a valid ISO 8601 date-time"


def _is_moment(value: object) -> bool:
    try:
        return datetime.fromisoformat(value if isinstance(value, str) else "").year > 0
    except ValueError:
        return False


def _are_all_with(value: object, name: str) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) and text(each.get(name)) for each in value)
