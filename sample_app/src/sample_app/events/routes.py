"""Takes events: an accepted one is in the stream, and what is in the stream is stored."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import orjson
from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field, field_validator

from sample_app.auth import TENANT_ROUTES, CurrentTenant
from sample_app.events.stream import Event, StreamAwayError
from sample_app.fields import ExternalId, Strict
from sample_app.problems import ProblemError, responses
from sample_app.stores import ThePlatform
from sample_app.telemetry.context import SERVING
from sample_app.telemetry.tracing import headers_of_current_span

_MAX_PROPERTIES = 8_192
_EXAMPLE_ID = "7f1c6f0e-2f4b-4d6e-9a53-3f0a8d1b2c4d"

_REFUSALS = responses(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)

router = APIRouter(prefix="/cdp/events", tags=["cdp"], dependencies=TENANT_ROUTES, responses=_REFUSALS)


class NewEvent(Strict):
    """Something that one of the tenant's customers did."""

    event_id: UUID | None = Field(
        default=None,
        examples=[_EXAMPLE_ID],
        description="The sender's own id: sent again, the event is stored once.",
    )
    event_type: str = Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_]*$", examples=["purchase"])
    profile_id: ExternalId | None = Field(default=None, examples=["c-1042"])
    occurred_at: AwareDatetime | None = Field(
        default=None,
        examples=["2026-11-24T10:00:00Z"],
        description="Now, where it is left out.",
    )
    properties: dict[str, Any] = Field(
        default_factory=dict,
        examples=[{"amount": 49.9, "currency": "EUR"}],
        description="8 KiB of JSON at the most.",
    )

    @field_validator("properties")
    @classmethod
    def _small(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            written = orjson.dumps(value)
        except orjson.JSONEncodeError as error:
            raise ValueError("must be JSON with integers of 64 bits at the most") from error
        if len(written) > _MAX_PROPERTIES:
            raise ValueError("must not be longer than 8 KiB")
        if b"\\u0000" in written:
            raise ValueError("must not contain NUL")  # nor can JSONB
        return value


class EventAccepted(BaseModel):
    """An event that will be stored."""

    event_id: UUID = Field(examples=[_EXAMPLE_ID])


@router.post("", status_code=HTTPStatus.ACCEPTED)
async def take(body: NewEvent, tenant: CurrentTenant, platform: ThePlatform) -> EventAccepted:
    """Take an event; it is stored a moment later, once."""
    serving = SERVING.get()
    event = Event(
        id=body.event_id or uuid4(),
        tenant_id=tenant.id,
        event_type=body.event_type,
        profile_id=body.profile_id,
        properties=body.properties,
        occurred_at=body.occurred_at or datetime.now(UTC),
        request_id=serving.request_id if serving else uuid4().hex,
        traceparent=headers_of_current_span().get("traceparent"),
    )
    try:
        await platform.events.append(event)
    except StreamAwayError as error:
        detail = "The event stream does not answer. The event was not taken; send it again."
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "2"}) from error
    return EventAccepted(event_id=event.id)
