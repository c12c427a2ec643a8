"""Segments: which of a tenant's profiles a rule describes, counted by the database."""

from datetime import datetime
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Text, case, cast, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONPATH

from sample_app.cdp.tables import PROFILES, SEGMENTS
from sample_app.database import Database

SegmentType = Literal["behavioural", "demographic", "lifecycle"]


class Segment(BaseModel):
    """A segment, as it was just evaluated."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(examples=[1101])
    name: str = Field(examples=["Came back"])
    segment_type: SegmentType = Field(examples=["behavioural"])
    size: int = Field(description="So many profiles are in it.", examples=[12])
    evaluated_at: datetime = Field(examples=["2026-11-23T09:00:00Z"])


class Segments(Protocol):
    """Evaluates segments."""

    async def evaluate(self, tenant_id: str, segment_id: int) -> Segment | None:
        """Count the profiles of one of the tenant's segments; None when there is no such segment."""


# compares in the JSON's own types: text with a number is no error, and no match
_PATHS = {
    "equals": "$ ? (@ == $value)",
    "at_least": "$ ? (@ >= $value)",
    "at_most": "$ ? (@ <= $value)",
}


class DatabaseSegments:
    """Evaluates segments in PostgreSQL, each in one statement."""

    def __init__(self, database: Database) -> None:
        """Ask a database."""
        self._database = database

    async def evaluate(self, tenant_id: str, segment_id: int) -> Segment | None:
        """Count the profiles of one of the tenant's segments; None when there is no such segment."""
        path = cast(case(_PATHS, value=SEGMENTS.c.operator), JSONPATH)
        value = func.jsonb_build_object(cast(literal("value"), Text), SEGMENTS.c.value)
        described = func.jsonb_path_exists(
            PROFILES.c.attributes.op("->")(SEGMENTS.c.attribute), path, value, literal(value=True)
        )
        size = (
            select(func.count())
            .select_from(PROFILES)
            .where(PROFILES.c.tenant_id == SEGMENTS.c.tenant_id, PROFILES.c.merged_into.is_(None), described)
            .correlate(SEGMENTS)
            .scalar_subquery()
        )
        statement = (
            update(SEGMENTS)
            .where(SEGMENTS.c.id == segment_id, SEGMENTS.c.tenant_id == tenant_id)
            .values(size=size, evaluated_at=func.clock_timestamp())
            .returning(*(SEGMENTS.c[name] for name in Segment.model_fields))
        )
        row = await self._database.row(statement)
        return Segment.model_validate(row) if row is not None else None
