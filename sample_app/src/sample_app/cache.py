"""The cache: it makes reads cheaper and may vanish at any moment without anybody noticing more than that.

Whoever changes a row puts a tombstone in place of what was cached. While it stands, nothing can be cached there:
so a slow reader that asked the database before the change cannot put the old answer back after it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Protocol, TypeVar

import structlog
from opentelemetry.trace import SpanKind, Tracer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from sample_app.telemetry.tracing import span

_LOG = structlog.get_logger()
_T = TypeVar("_T")
_TOMBSTONE = b""
_TOMBSTONE_SECONDS = 5  # longer than any read of the database may take
_ANSWER_SECONDS = 0.25
_PAUSE_SECONDS = 2.0


class Cache(Protocol):
    """Keeps bytes for a while."""

    async def get(self, key: str) -> bytes | None:
        """Return what is kept, or None."""

    async def keep(self, key: str, value: bytes) -> None:
        """Keep a value that was just read, unless it was changed meanwhile."""

    async def forget(self, key: str) -> None:
        """Let go of a value that has changed."""


class RedisCache:
    """Keeps bytes in Redis; while that is away, keeps nothing and costs nothing."""

    def __init__(self, client: Redis, tracer: Tracer, *, ttl_seconds: int) -> None:
        """Keep through a client, each value for so long at most."""
        self._client = client
        self._tracer = tracer
        self._ttl = ttl_seconds
        self._paused_until = 0.0

    async def get(self, key: str) -> bytes | None:
        """Return what is kept, or None."""
        found = await self._ask("GET", lambda: self._client.get(key))
        return found if isinstance(found, bytes) and found != _TOMBSTONE else None

    async def keep(self, key: str, value: bytes) -> None:
        """Keep a value that was just read, unless it was changed meanwhile."""
        await self._ask("SET", lambda: self._client.set(key, value, ex=self._ttl, nx=True))

    async def forget(self, key: str) -> None:
        """Let go of a value that has changed."""
        await self._ask("SET", lambda: self._client.set(key, _TOMBSTONE, ex=_TOMBSTONE_SECONDS))

    async def _ask(self, operation: str, question: Callable[[], Awaitable[_T]]) -> _T | None:
        if monotonic() < self._paused_until:
            return None
        # no key: it names the tenant's row, and says nothing that the parent span does not
        attributes = {"db.system.name": "redis", "db.operation.name": operation}
        try:
            with span(self._tracer, f"{operation} cache", attributes, kind=SpanKind.CLIENT):
                async with asyncio.timeout(_ANSWER_SECONDS):
                    return await question()
        except (RedisError, OSError, TimeoutError) as error:
            # not each request waits for the absent cache, only one every few seconds
            self._paused_until = monotonic() + _PAUSE_SECONDS
            _LOG.warning("cache_paused", operation=operation, cause=type(error).__name__)
            return None
