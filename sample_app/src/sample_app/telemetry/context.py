"""Who is being served right now: what log lines and error events carry without being told."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Serving:
    """One request, or one task: filled in as it becomes known."""

    request_id: str
    tenant_id: str | None = None
    user_id: str | None = None
    trace_id: str | None = None


SERVING: ContextVar[Serving | None] = ContextVar("serving", default=None)
