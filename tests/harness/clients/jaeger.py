"""Ask Jaeger for a trace by its id (api/v3: OpenTelemetry's own JSON)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import requests

from harness.clients.http import Json, Refused, Session
from harness.eventually import NotYet, Probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NOT_FOUND = 404
_KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


@dataclass(frozen=True)
class Span:
    """One step of a trace."""

    span_id: str
    parent_id: str
    name: str
    service: str
    kind: str
    started: float
    ended: float
    failed: bool
    attributes: Mapping[str, Json] = field(repr=False)
    resource: Mapping[str, Json] = field(repr=False)
    linked: tuple[str, ...] = ()  # ids of the traces that it links to


@dataclass(frozen=True, repr=False)
class Trace:
    """Everything recorded under one id."""

    trace_id: str
    spans: tuple[Span, ...]

    @property
    def services(self) -> set[str]:
        """The services that took part."""
        return {span.service for span in self.spans}

    @property
    def roots(self) -> tuple[Span, ...]:
        """The spans whose parent is not here: one, when nothing is missing."""
        known = {span.span_id for span in self.spans}
        return tuple(span for span in self.spans if span.parent_id not in known)

    @property
    def is_connected(self) -> bool:
        """Whether every span leads back to a single first one, without a loop and without a doubled span."""
        ids = [span.span_id for span in self.spans]
        return len(self.roots) == 1 and len(ids) == len(set(ids)) == len(list(self.below(self.roots[0]))) + 1

    def named(self, name: str) -> tuple[Span, ...]:
        """Return the spans of a name; names of SQL spans begin with the statement's verb."""
        return tuple(span for span in self.spans if span.name == name)

    def children(self, parent: Span) -> tuple[Span, ...]:
        """Return the steps directly under *parent*."""
        return tuple(span for span in self.spans if span.parent_id == parent.span_id)

    def below(self, parent: Span) -> Iterator[Span]:
        """Walk everything under *parent*, each span once."""
        seen = {parent.span_id}
        waiting = [parent]
        while waiting:
            for child in self.children(waiting.pop()):
                if child.span_id not in seen:
                    seen.add(child.span_id)
                    waiting.append(child)
                    yield child

    def __repr__(self) -> str:
        steps = ", ".join(
            f"{span.service.removeprefix('stratum-')}:{span.name}"
            for span in sorted(self.spans, key=lambda span: span.started)
        )
        return f"trace {self.trace_id[:8]} with {len(self.spans)} spans: {steps}"


class Jaeger:
    """The trace store."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.http = Session(address)

    def link(self, trace_id: str) -> str:
        """Return the address at which a person sees the trace."""
        return f"{self.address}/trace/{trace_id}"

    def document(self, trace_id: str) -> Json:
        """Return a trace as Jaeger keeps it, for the diagnostics folder."""
        return self._ask(f"/api/v3/traces/{trace_id}")

    def operation(self, service: str, name: str, *, since: float) -> Probe[tuple[Span, ...]]:
        """Ask for a service's spans of a name that began since a moment, whatever trace they are of."""
        path = "/api/v3/traces"

        def read() -> tuple[Span, ...]:
            document = self._ask(
                path,
                **{
                    "query.service_name": service,
                    "query.operation_name": name,
                    "query.start_time_min": _timestamp(since),
                    "query.start_time_max": _timestamp(time.time() + 60),
                },
            )
            return tuple(span for span in _spans(document) if span.name == name)

        return Probe(f"spans {name} of {service} in Jaeger", self.address + path, read)

    def trace(self, trace_id: str) -> Probe[Trace]:
        """Ask for one trace; one that is not there yet is "not yet"."""

        def read() -> Trace:
            spans = tuple(_spans(self.document(trace_id)))
            if not spans:
                raise NotYet("a trace without spans")
            return Trace(trace_id, spans)

        return Probe(f"trace {trace_id} in Jaeger", self.link(trace_id), read)

    def _ask(self, path: str, **params: str) -> Json:
        try:
            return self.http.json(path, **params)
        except Refused as refusal:
            answer = refusal.response
            if isinstance(answer, requests.Response) and answer.status_code == _NOT_FOUND:
                raise NotYet("404: no such trace") from None
            raise


def _timestamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def _spans(document: Mapping[str, Json]) -> Iterator[Span]:
    result = document.get("result", document)
    for of_resource in result.get("resourceSpans", ()):
        resource = _attributes(of_resource.get("resource", {}))
        for of_scope in of_resource.get("scopeSpans", ()):
            for span in of_scope.get("spans", ()):
                kind = span.get("kind", 1)
                yield Span(
                    span_id=span["spanId"],
                    parent_id=span.get("parentSpanId", ""),
                    name=span["name"],
                    service=str(resource.get("service.name", "")),
                    kind=_KINDS.get(kind, "") if isinstance(kind, int) else kind[len("SPAN_KIND_") :].lower(),
                    started=int(span["startTimeUnixNano"]) / 1e9,
                    ended=int(span["endTimeUnixNano"]) / 1e9,
                    failed=span.get("status", {}).get("code") in {2, "STATUS_CODE_ERROR"},
                    attributes=_attributes(span),
                    resource=resource,
                    linked=tuple(link["traceId"] for link in span.get("links", ())),
                )


def _attributes(holder: Mapping[str, Json]) -> dict[str, Json]:
    return {one["key"]: _value(one.get("value", {})) for one in holder.get("attributes", ())}


def _value(value: Mapping[str, Json]) -> Json:
    for kind, content in value.items():
        if kind == "intValue":
            return int(content)  # JSON carries 64 bits as text
        if kind == "arrayValue":
            return [_value(one) for one in content.get("values", ())]
        return content
    return None
