"""The stream between the API and the ingester: its name, and what an entry says."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

STREAM = "stratum:events"
REJECTED = "stratum:events:rejected"
GROUP = "ingester"
_FIELD = b"event"
_SECONDS = 2.0  # an absent broker holds up no request longer


@dataclass(frozen=True)
class Event:
    """Something that a tenant's customer did, with what continues the trace of the request that told us."""

    id: UUID
    tenant_id: str
    event_type: str
    profile_id: str | None
    properties: dict[str, Any]
    occurred_at: datetime
    request_id: str
    traceparent: str | None

    def as_entry(self) -> dict[bytes, bytes]:
        """Return the event as an entry of the stream."""
        return {_FIELD: orjson.dumps(self)}

    @classmethod
    def of_entry(cls, entry: dict[bytes, bytes]) -> "Event":
        """Read an entry.

        Raises:
            ValueError: It is no event.
        """
        try:
            read = orjson.loads(entry[_FIELD])
            return cls(
                **{
                    **read,
                    "id": UUID(read["id"]),
                    "occurred_at": datetime.fromisoformat(read["occurred_at"]),
                }
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not an event: {type(error).__name__}") from error


class StreamAwayError(Exception):
    """The stream took nothing: the broker is away or full."""


class EventStream(Protocol):
    """Takes events."""

    async def append(self, event: Event) -> None:
        """Append an event, or raise StreamAwayError."""


class RedisEventStream:
    """The stream, in the broker."""

    def __init__(self, broker: Redis) -> None:
        """Append with this client."""
        self._broker = broker

    async def append(self, event: Event) -> None:
        """Append an event, or raise StreamAwayError."""
        try:
            async with asyncio.timeout(_SECONDS):
                await self._broker.xadd(STREAM, cast("Any", event.as_entry()))
        except (RedisError, OSError) as error:  # a timeout is an OSError
            raise StreamAwayError(type(error).__name__) from error
