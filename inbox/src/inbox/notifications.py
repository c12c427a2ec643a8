"""What a notification is, whichever service's shape it came in.

Each of the three intakes (``pagerduty``, ``slack``, ``alertmanager``) reads its own format into ``Received``, and the dead
man's switch writes one of its own; the store adds an id and a time and gives back a ``Notification``. Everything after that, page and API, knows only these.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

Receiver = Literal[
    "pagerduty", "slack-platform", "slack-customer-health", "watchdog", "info", "dead-mans-switch"
]
Kind = Literal["pagerduty", "slack", "alertmanager", "inbox"]
Status = Literal["firing", "acknowledged", "resolved"]

# What each receiver is sent; also every label value the notification counter can have.
KIND_OF: Mapping[Receiver, Kind] = {
    "pagerduty": "pagerduty",
    "slack-platform": "slack",
    "slack-customer-health": "slack",
    "watchdog": "alertmanager",
    "info": "alertmanager",
    "dead-mans-switch": "inbox",
}

_LINKS = ("runbook", "dashboard")
_LONGEST_TEXT = 1024


@dataclass(frozen=True, kw_only=True)
class Received:
    """A notification as read from a request that its service would have accepted."""

    receiver: Receiver
    kind: Kind
    status: Status
    alertname: str
    severity: str
    about: str
    key: str
    summary: str
    links: dict[str, str]
    payload: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Notification(Received):
    """A notification as kept."""

    id: int
    received_at: float


def text(value: object) -> str:
    """Return a string as it is, cut where no page could show it; anything else is no text."""
    return value[:_LONGEST_TEXT] if isinstance(value, str) else ""


def links(pairs: Iterable[tuple[object, object]]) -> dict[str, str]:
    """Return the runbook's and the dashboard's address; only web addresses, since a page will offer them to be clicked."""
    return {
        text(name).lower(): address
        for name, address in pairs
        if text(name).lower() in _LINKS and isinstance(address, str) and _is_web_address(address)
    }


def _is_web_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
