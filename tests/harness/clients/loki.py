"""Ask Loki for log lines, by label and by what is kept beside them (structured metadata)."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from harness.clients.http import Json, Session
from harness.eventually import Probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LIMIT = 5000  # Loki's own greatest; more lines than that are a mistake in the question
_LOOK_BACK = 3600.0


@dataclass(frozen=True, repr=False)
class Line:
    """One log line: what was printed, and the labels and metadata it is kept under."""

    at: float
    body: str
    labels: Mapping[str, str]

    @property
    def fields(self) -> Mapping[str, Json]:
        """The line as the application wrote it."""
        parsed = json.loads(self.body)
        if not isinstance(parsed, dict):
            raise TypeError(f"not a JSON object: {self.body}")
        return parsed

    def __getitem__(self, field: str) -> Json:
        return self.fields[field]

    def __repr__(self) -> str:
        return self.body


@dataclass(frozen=True, repr=False)
class Lines:
    """What a query answered, oldest first."""

    lines: tuple[Line, ...]

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def __getitem__(self, index: int) -> Line:
        return self.lines[index]

    def of(self, field: str) -> list[Json]:
        """Return one field of every line, as written; a list, so that a doubled line shows."""
        return [line.fields.get(field) for line in self.lines]

    def __repr__(self) -> str:
        return f"{len(self.lines)} lines" + (f", the last: {self.lines[-1].body}" if self.lines else "")


class Loki:
    """The log store."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.http = Session(address)

    def lines(self, query: str, *, since: float | None = None) -> Probe[Lines]:
        """Ask for the lines of a LogQL query since a moment (seconds; by default the last hour)."""

        def read() -> Lines:
            now = time.time()
            answer = self.http.json(
                "/loki/api/v1/query_range",
                query=query,
                start=f"{(now - _LOOK_BACK if since is None else since) * 1e9:.0f}",
                end=f"{(now + 60) * 1e9:.0f}",  # a container's clock may be a little ahead
                limit=_LIMIT,
                direction="forward",
            )
            found = [
                Line(int(entry[0]) / 1e9, entry[1], stream["stream"])
                for stream in answer["data"]["result"]
                for entry in stream["values"]
            ]
            if len(found) >= _LIMIT:
                raise ValueError(f"{query} has {_LIMIT} lines or more: ask for less, or counts mean nothing")
            return Lines(tuple(sorted(found, key=lambda line: line.at)))

        where = f"{self.address}/loki/api/v1/query_range?query={quote(query)}"
        return Probe(f"{query} in Loki", where, read)

    def of_trace(self, trace_id: str, *, service: str = "") -> Probe[Lines]:
        """Ask for the lines that carry one trace's id, of one service or of all."""
        selector = f'service_name="{service}"' if service else 'service_namespace="stratum"'
        return self.lines(f'{{{selector}}} | trace_id="{trace_id}"')
