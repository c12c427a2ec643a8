"""Makes every client of the cache and the broker, and says how long each may wait, and how often it tries.

Nothing connects before it is used.
"""

from typing import Any

import redis.asyncio
from pydantic import SecretStr
from redis import Redis
from redis.asyncio.connection import BlockingConnectionPool
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.retry import Retry

from sample_app.settings import Settings

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 1.0
"""Somebody's request waits."""
READ_SECONDS = 5.0
"""Longer than the ingester lets the broker wait for events."""
TELL_SECONDS = 0.25
"""Beside a task: better nobody is told than that the task waits."""
CONNECTIONS = 50
"""Of one API process to one server; who comes when all are in use waits for one, within the limit that the caller sets."""
RETRIES = 1
"""For a connection that ended while nobody used it. The library's ten would make of an absent server a slow one."""


def async_cache(settings: Settings) -> "redis.asyncio.Redis":
    """Return a client of the cache, for a loop."""
    return _for_a_loop(_cache(settings))


def async_broker(settings: Settings) -> "redis.asyncio.Redis":
    """Return a client of the broker, for a loop."""
    return _for_a_loop(_broker(settings))


def broker(settings: Settings, *, seconds: float = ANSWER_SECONDS) -> Redis:
    """Return a client of the broker, for a thread."""
    return Redis(
        **_broker(settings),
        socket_timeout=seconds,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=Retry(NoBackoff(), RETRIES, supported_errors=(ConnectionLost,)),
    )


def cache_to_tell(settings: Settings) -> Redis:
    """Return a client of the cache for what may be lost: it gives up soon, and tries once."""
    return Redis(
        **_cache(settings),
        socket_timeout=TELL_SECONDS,
        socket_connect_timeout=TELL_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def _for_a_loop(server: dict[str, Any]) -> "redis.asyncio.Redis":
    pool = BlockingConnectionPool(
        **server,
        max_connections=CONNECTIONS,
        timeout=ANSWER_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=AsyncRetry(NoBackoff(), RETRIES, supported_errors=(ConnectionLost,)),
        health_check_interval=10,
    )
    return redis.asyncio.Redis.from_pool(pool)


def _cache(settings: Settings) -> dict[str, Any]:
    return _server(settings.redis_host, settings.redis_port, settings.redis_username, settings.redis_password)


def _broker(settings: Settings) -> dict[str, Any]:
    return _server(
        settings.broker_host, settings.broker_port, settings.broker_username, settings.broker_password
    )


def _server(host: str, port: int, username: str, password: SecretStr) -> dict[str, Any]:
    secret = password.get_secret_value()
    return {"host": host, "port": port, "username": username or None, "password": secret or None}
