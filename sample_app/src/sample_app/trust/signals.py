"""Signals: how healthy a source of a tenant's data is, as the trust gate will see it."""

from datetime import datetime
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import insert

from sample_app.database import Database
from sample_app.fields import Strict
from sample_app.trust.tables import SIGNALS

SignalType = Literal["conversion", "attribution", "delivery"]


class NewSignal(Strict):
    """A score that a tenant reports."""

    signal_type: SignalType = Field(description="What was measured.", examples=["conversion"])
    score: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False, strict=True)] = Field(
        description="0 (dead) to 100; kept with two decimals.", examples=[87.5]
    )


class Signal(BaseModel):
    """A score that was stored."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(examples=[1])
    signal_type: SignalType = Field(examples=["conversion"])
    score: float = Field(examples=[87.5])
    observed_at: datetime = Field(examples=["2026-11-23T09:00:00Z"])


class Signals(Protocol):
    """Keeps signals."""

    async def add(self, tenant_id: str, reported: NewSignal) -> Signal:
        """Store a score."""


class DatabaseSignals:
    """Keeps signals in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Ask a database."""
        self._database = database

    async def add(self, tenant_id: str, reported: NewSignal) -> Signal:
        """Store a score."""
        statement = (
            insert(SIGNALS)
            .values(tenant_id=tenant_id, **reported.model_dump())
            .returning(*(SIGNALS.c[name] for name in Signal.model_fields))
        )
        return Signal.model_validate(await self._database.row(statement))
