"""Ask the error tracker (Bugsink, by its canonical API) for error events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.clients.http import Json, Session
from harness.eventually import Probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_API = "/api/canonical/0"


@dataclass(frozen=True, repr=False)
class ErrorEvent:
    """One exception, as the SDK sent it."""

    event_id: str
    kind: str
    message: str
    release: str
    tags: Mapping[str, str]
    data: Mapping[str, Json]

    def __repr__(self) -> str:
        return f"{self.kind}: {self.message} (trace {self.tags.get('trace_id', '?')[:8]})"


class Errors:
    """The error tracker's only project."""

    def __init__(self, address: str, *, token: str) -> None:
        self.address = address
        self.http = Session(address, headers={"Authorization": f"Bearer {token}"})

    def of_trace(self, trace_id: str) -> Probe[tuple[ErrorEvent, ...]]:
        """Ask for the events that carry a trace's id as a tag."""
        return self.tagged("trace_id", trace_id)

    def tagged(self, tag: str, value: str) -> Probe[tuple[ErrorEvent, ...]]:
        """Ask for the events of a tag's value."""

        def read() -> tuple[ErrorEvent, ...]:
            return tuple(self._events(f'{tag}:"{value}"'))

        where = f"{self.address}/issues/1/?q={quote(f'{tag}:{value}')}"
        return Probe(f"error events of {tag} {value} in Bugsink", where, read)

    def _events(self, search: str) -> Iterator[ErrorEvent]:
        issues = self.http.json(f"{_API}/issues/", project=1, q=search, order="desc")["results"]
        for issue in issues:
            for listed in self.http.json(f"{_API}/events/", issue=issue["id"], q=search)["results"]:
                yield _event(self.http.json(f"{_API}/events/{listed['id']}/"))


def _event(document: Mapping[str, Json]) -> ErrorEvent:
    data = document["data"]
    exceptions = data.get("exception") or {}
    # the protocol allows a list where the SDKs send {"values": [...]}; the last is the one that was raised
    values = exceptions if isinstance(exceptions, list) else exceptions.get("values", [])
    raised = values[-1] if values else {}
    tags = data.get("tags") or {}
    return ErrorEvent(
        event_id=str(document["event_id"]).replace("-", ""),
        kind=raised.get("type") or "",
        message=raised.get("value") or "",
        release=data.get("release") or "",
        tags=dict(tags),
        data=data,
    )
