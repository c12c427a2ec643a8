"""What travels from the worker that decides to the API that shows it."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from sample_app.trust.decisions import Decision, Status

CHANNEL = "decisions"
"""The channel of Redis; every API process listens and picks its own tenants' decisions."""


class Shown(BaseModel):
    """A decision as a tenant sees it."""

    execution_id: UUID
    automation_id: int
    decision: Decision
    status: Status
    signal_health: float | None
    decided_at: datetime


class Decided(BaseModel):
    """A decision on its way: whose it is, and the trace in which it was made."""

    tenant_id: str
    traceparent: str | None
    shown: Shown
