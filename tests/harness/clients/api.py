"""The Stratum API as its users know it: tenants, automations, executions.

Every request carries a trace id that this client drew, so that a test asks each store for exactly what it caused.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from uuid import uuid4

import requests

from harness.clients.http import Json, Refused, Session, cause
from harness.eventually import NotYet, Probe, eventually
from harness.traceparent import Traceparent

if TYPE_CHECKING:
    from collections.abc import Mapping

Listener = Callable[[str], None]

_ANSWERS_WITHIN = 15.0  # seconds; who stands still for the 2 s that a request may take rightly says 503


@dataclass(frozen=True, repr=False)
class Answer:
    """What the API said to one request, and the ids it can be found by."""

    status: int
    trace_id: str
    span_id: str
    request_id: str
    sent_at: float
    headers: Mapping[str, str]
    text: str = field(repr=False)
    body: Json = field(repr=False)

    def __repr__(self) -> str:
        return f"{self.status} (trace {self.trace_id[:8]}): {' '.join(self.text.split())[:160]}"


@dataclass(frozen=True, repr=False)
class Execution:
    """A run of an automation that was asked for."""

    automation_id: int
    execution_id: str | int
    trace_id: str
    span_id: str  # the caller's: the parent of the request's span
    request_id: str
    sent_at: float

    def __repr__(self) -> str:
        return f"execution {self.execution_id} of {self.automation_id} (trace {self.trace_id[:8]})"


@dataclass(frozen=True)
class Outcome:
    """How a run stands."""

    status: str
    decision: str | None
    signal_health: float | None


class Api:
    """The API in the hands of one tenant (or of whoever holds the key)."""

    def __init__(self, address: str, *, key: str, tenant: str = "", on_trace: Listener | None = None) -> None:
        self.address = address
        self.tenant = tenant
        self.http = Session(address, headers={"Authorization": f"Bearer {key}"} if key else {})
        self._on_trace = on_trace or (lambda _trace_id: None)

    def send(self, method: str, path: str, *, parent: Traceparent | None = None, **options: Json) -> Answer:
        """Send any request, in a trace of its own if none is given, and return the answer unjudged."""
        parent = parent or Traceparent.new()
        headers = {"traceparent": parent.header, "X-Request-ID": uuid4().hex, **options.pop("headers", {})}
        self._on_trace(parent.trace_id)
        sent_at = time.time()
        response = self.http.request(method, path, headers=headers, **options)
        return Answer(
            status=response.status_code,
            trace_id=parent.trace_id,
            span_id=parent.span_id,
            request_id=headers["X-Request-ID"],
            sent_at=sent_at,
            headers=response.headers,
            text=response.text,
            body=_json(response),
        )

    def answered(
        self,
        method: str,
        path: str,
        *,
        patience: float = _ANSWERS_WITHIN,
        **options: Json,
    ) -> Answer:
        """Send a request, and again for so many seconds while it is 503 or nobody answers; 0 sends it once.

        What is asked for may be done twice then. An option that can be called is called each time, for what a request
        uses up.
        """

        def read() -> Answer:
            each = {name: value() if callable(value) else value for name, value in options.items()}
            try:
                answer = self.send(method, path, **each)
            except requests.RequestException as failure:
                raise NotYet(cause(failure)) from failure
            if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
                raise NotYet(repr(answer))
            return answer

        return eventually(Probe(f"{method} {path}", self.address + path, read), within=patience)

    def execute(
        self, automation_id: int, *, reason: str = "", patience: float = _ANSWERS_WITHIN
    ) -> Execution:
        """Ask for a run of an automation; patience as in `answered`."""
        options: dict[str, Json] = {"json": {"reason": reason}} if reason else {}
        path = f"/api/v1/automations/{automation_id}/execute"
        return self._accepted(self.answered("POST", path, patience=patience, **options))

    def canary(self) -> Execution:
        """Ask for a run by the canary, which takes the same way and disturbs no figure (internal key)."""
        return self._accepted(self.send("POST", "/internal/canary"))

    def canary_error(self) -> Answer:
        """Make the application raise a real, unhandled error (internal key)."""
        return self.send("POST", "/internal/canary/error")

    def outcome(self, execution: Execution) -> Probe[Outcome]:
        """Ask how a run ended; one that waits in the queue is "not yet"."""
        path = f"/api/v1/automations/{execution.automation_id}/executions/{execution.execution_id}"

        def read() -> Outcome:
            try:
                document = self.http.json(path)
            except Refused as refusal:
                raise AssertionError(str(refusal)) from refusal
            if document["status"] == "queued":
                raise NotYet("queued")
            return Outcome(document["status"], document["decision"], document["signal_health"])

        return Probe(f"outcome of {execution!r}", self.address + path, read)

    def _accepted(self, answer: Answer) -> Execution:
        if answer.status != HTTPStatus.ACCEPTED:
            raise AssertionError(f"the API did not accept a run: {answer!r}")
        return Execution(
            automation_id=int(answer.body["automation_id"]),
            execution_id=answer.body["execution_id"],
            trace_id=answer.trace_id,
            span_id=answer.span_id,
            request_id=answer.request_id,
            sent_at=answer.sent_at,
        )


def _json(response: requests.Response) -> Json:
    try:
        return response.json()
    except requests.JSONDecodeError:
        return None
