"""What Loki says: the newest lines of a query, each with the trace it belongs to, if it names one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

_MOST_LINES = 20
_HOUR_NS = 3600 * 10**9
_LONGEST_LINE = 400
_TRACE_ID_LENGTH = 32


@dataclass(frozen=True)
class Line:
    """One log line."""

    at: float
    text: str
    trace_id: str


@dataclass(frozen=True)
class Lines:
    """A query and its newest lines; or why there are none."""

    query: str
    lines: tuple[Line, ...]
    error: str


class Loki:
    """Asks one Loki. That it cannot be asked is told beside the query: the rest of the page still helps."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def newest(self, query: str, *, now: float) -> Lines:
        """Return the newest lines of the last hour."""
        end = int(now * 1e9)
        parameters = {
            "query": query,
            "limit": str(_MOST_LINES),
            "direction": "backward",
            "start": str(end - _HOUR_NS),
            "end": str(end),
        }
        try:
            response = await self._client.get("/loki/api/v1/query_range", params=parameters)
            if response.status_code != httpx2.codes.OK:
                return Lines(query, (), response.text[:_LONGEST_LINE].strip())
            return Lines(query, tuple(_lines(response.json()["data"]["result"])), "")
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            return Lines(query, (), f"Loki cannot be asked now: {error or type(error).__name__}")


def logs_of(service: str) -> str:
    """The query for what a service said when something was wrong with it."""
    return f'{{service_name="{service}"}} | detected_level=~"warn|warning|error|critical|fatal"'


def _lines(streams: Sequence[dict[str, Any]]) -> Sequence[Line]:
    found = [
        _line(int(when), text, stream["stream"]) for stream in streams for when, text in stream["values"]
    ]
    return sorted(found, key=lambda line: line.at, reverse=True)[:_MOST_LINES]


def _line(when: int, text: str, labels: dict[str, str]) -> Line:
    trace_id = labels.get("trace_id") or _trace_id_in(text)
    is_trace = len(trace_id) == _TRACE_ID_LENGTH and trace_id.isalnum() and trace_id.isascii()
    return Line(at=when / 1e9, text=text[:_LONGEST_LINE], trace_id=trace_id if is_trace else "")


def _trace_id_in(text: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        return ""
    return str(document.get("trace_id", "")) if isinstance(document, dict) else ""
