"""The API's end of the feed: one subscription per process, handed on to each of a tenant's connections.

It is a live feed and no history: what was decided while nobody listened is read from the executions.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import structlog
from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from sample_app.feed.messages import CHANNEL, Decided

_LOG = structlog.get_logger()
_MAX_WAITING = 100
MAX_PER_TENANT = 100
_TURN_SECONDS = 5.0
_RETRY_SECONDS = 1.0


class TooManyConnectionsError(Exception):
    """A tenant has as many connections as it may have."""


class Feed(Protocol):
    """Hands out decisions."""

    def listen(self, tenant_id: str) -> "AbstractContextManager[asyncio.Queue[Decided]]":
        """Receive the tenant's decisions from now on, in a queue."""


class DecisionHub:
    """Hands each decision to whoever listens for its tenant."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._listeners: dict[str, set[asyncio.Queue[Decided]]] = {}

    @contextmanager
    def listen(self, tenant_id: str) -> Iterator[asyncio.Queue[Decided]]:
        """Receive the tenant's decisions from now on, in a queue."""
        mine = self._listeners.setdefault(tenant_id, set())
        if len(mine) >= MAX_PER_TENANT:
            raise TooManyConnectionsError
        queue: asyncio.Queue[Decided] = asyncio.Queue(_MAX_WAITING)
        mine.add(queue)
        try:
            yield queue
        finally:
            mine.discard(queue)
            if not mine:
                self._listeners.pop(tenant_id, None)

    def hand_on(self, decided: Decided) -> None:
        """Give a decision to its tenant's listeners; one that does not keep up loses its oldest."""
        for queue in self._listeners.get(decided.tenant_id, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(decided)

    async def follow(self, client: Redis) -> None:
        """Receive decisions from Redis for as long as the process lives."""
        while True:
            try:
                await self._follow(client)
            except (RedisError, OSError) as error:
                _LOG.warning("feed_interrupted", cause=type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self, client: Redis) -> None:
        async with client.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(CHANNEL)
            while True:
                # returns now and then without a message, so that a dead connection is noticed
                message = await subscription.get_message(timeout=_TURN_SECONDS)
                if message is None:
                    continue
                try:
                    self.hand_on(Decided.model_validate_json(message["data"]))
                except ValidationError:
                    _LOG.warning("feed_message_unreadable")  # from another release
