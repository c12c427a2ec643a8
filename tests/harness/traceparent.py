"""The key that ties what a test does to what the stores say about it: a trace id of our own (W3C Trace Context)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

_TRACE_DIGITS = 32


@dataclass(frozen=True)
class Traceparent:
    """The caller's place in a trace, sent with a request."""

    trace_id: str
    span_id: str

    @classmethod
    def new(cls, *, prefix: str = "") -> Traceparent:
        """Make one, for a sampled trace; hex digits in *prefix* make a run's traces known by sight."""
        drawn = prefix + secrets.token_hex(_TRACE_DIGITS // 2)
        return cls(trace_id=drawn[:_TRACE_DIGITS], span_id=secrets.token_hex(8))

    @property
    def header(self) -> str:
        """The value of the `traceparent` header."""
        return f"00-{self.trace_id}-{self.span_id}-01"
