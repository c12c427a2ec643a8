"""Faults that somebody has to do: each runs while it is on, and takes back what it did.

They run in the API process that was asked; the stores they press are the application's own, with its own rights.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import psycopg
import redis.asyncio
import structlog
from celery import Celery  # type: ignore[import-untyped]
from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncEngine

from sample_app.faults.catalogue import (
    CacheClients,
    CacheMemory,
    CacheMisses,
    Connections,
    Deadlocks,
    Fault,
    QueuePileUp,
    SlowQueries,
)
from sample_app.faults.switchboard import Active, AsyncSwitchboard
from sample_app.telemetry import names

_LOG = structlog.get_logger()
_SLOW_SECONDS = 1.2  # what counts as slow begins at one
_BLOCK = b"x" * 65_536
_STEP_SECONDS = 0.25
_AT_ONCE = 100
_SESSIONS_AT_ONCE = 10


@dataclass(frozen=True)
class Reach:
    """What the actors get their hands on."""

    engine: AsyncEngine
    cache: "redis.asyncio.Redis"
    celery: Celery
    switchboard: AsyncSwitchboard


class Actors:
    """Starts what a fault needs done, one at a time of each kind, and ends it with the fault."""

    def __init__(self, reach: Reach) -> None:
        """Act on these stores."""
        self._reach = reach
        self._running: dict[str, asyncio.Task[None]] = {}

    def start(self, active: Active) -> None:
        """Do what the fault needs done, in the background; most need nothing."""
        act = _ACTS.get(type(active.fault))
        if act is None:
            return
        name = active.fault.name
        before = self._running.pop(name, None)
        if before is not None:
            before.cancel()
        self._running[name] = asyncio.create_task(self._run(act, active.fault))

    async def close(self) -> None:
        """End everything."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _run(self, act: "_Act", fault: Fault) -> None:
        try:
            await act(self._reach, fault)
        except Exception as error:  # noqa: BLE001 - a fault that cannot be done must not become another one
            _LOG.warning("fault_could_not_be_done", fault=fault.name, cause=type(error).__name__)


@dataclass(frozen=True)
class Faults:
    """What an API process that may be broken is made with."""

    switchboard: AsyncSwitchboard
    actors: Actors
    key: str
    """Whoever shows it may break things; an empty one admits nobody."""


_Act = Callable[[Reach, Any], Awaitable[None]]


async def _while_on(reach: Reach, fault: Fault, every: float, turn: Callable[[], Awaitable[object]]) -> None:
    """Take a turn every so often, for as long as the fault is on; a turn that fails is one of its effects."""
    due = asyncio.get_running_loop().time()
    while reach.switchboard.get(type(fault)):
        with contextlib.suppress(exc.SQLAlchemyError, redis.RedisError, OSError):
            await turn()
        due += every
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))


async def _deadlock(reach: Reach, fault: Deadlocks) -> None:
    engine = reach.engine.execution_options(isolation_level="READ COMMITTED")

    async def lock(first: int, second: int, both: asyncio.Barrier) -> None:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": first})
            await both.wait()
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": second})

    async def embrace() -> None:
        both = asyncio.Barrier(2)
        await asyncio.gather(lock(1, 2, both), lock(2, 1, both), return_exceptions=True)

    await _while_on(reach, fault, 60 / fault.per_minute, embrace)


async def _query_slowly(reach: Reach, fault: SlowQueries) -> None:
    at_once: set[asyncio.Task[None]] = set()

    async def query() -> None:
        with contextlib.suppress(exc.SQLAlchemyError):
            async with reach.engine.connect() as connection:
                await connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": _SLOW_SECONDS})

    async def begin() -> None:
        task = asyncio.create_task(query())
        at_once.add(task)
        task.add_done_callback(at_once.discard)

    await _while_on(reach, fault, 60 / fault.per_minute, begin)


async def _hoard_connections(reach: Reach, fault: Connections) -> None:
    url = reach.engine.url
    held: list[psycopg.AsyncConnection[Any]] = []

    async def connect() -> None:
        connection = await psycopg.AsyncConnection.connect(
            host=url.host,
            port=url.port,
            dbname=url.database,
            user=url.username,
            password=url.password,
            connect_timeout=2,
            application_name="fault",
        )
        held.append(connection)

    try:
        with contextlib.suppress(psycopg.OperationalError):  # full: that is what was wanted
            while len(held) < fault.count and reach.switchboard.get(Connections):
                missing = fault.count - len(held)
                await asyncio.gather(*(connect() for _ in range(min(_SESSIONS_AT_ONCE, missing))))
        await reach.switchboard.until_off(type(fault))
    finally:
        for connection in held:
            await connection.close()


async def _miss(reach: Reach, fault: CacheMisses) -> None:
    async def ask() -> None:
        await reach.cache.mget([f"fault:absent:{number}" for number in range(fault.per_second // 4 + 1)])

    await _while_on(reach, fault, _STEP_SECONDS, ask)


async def _fill_cache(reach: Reach, fault: CacheMemory) -> None:
    filled = 0

    async def fill() -> None:
        nonlocal filled
        memory = cast("dict[str, int]", await reach.cache.info("memory"))
        missing = fault.share * memory["maxmemory"] - memory["used_memory"]
        for _ in range(int(missing // len(_BLOCK)) + 1 if missing > 0 else 0):
            await reach.cache.set(f"fault:ballast:{filled}", _BLOCK, ex=round(fault.seconds) + 60)
            filled += 1

    try:
        await _while_on(reach, fault, 1.0, fill)
    finally:
        for number in range(filled):
            await reach.cache.unlink(f"fault:ballast:{number}")


async def _flood_cache(reach: Reach, fault: CacheClients) -> None:
    kwargs = {**reach.cache.connection_pool.connection_kwargs, "socket_timeout": None}
    held: list[redis.asyncio.Connection] = []

    async def connect() -> None:
        connection = redis.asyncio.Connection(**kwargs)
        await connection.connect()  # type: ignore[no-untyped-call]
        held.append(connection)

    async def connect_some() -> None:
        await asyncio.gather(*(connect() for _ in range(min(_AT_ONCE, fault.count - len(held)))))

    try:
        await _while_on(reach, fault, _STEP_SECONDS, connect_some)
    finally:
        for connection in held:
            await connection.disconnect(nowait=True)


async def _pile_up(reach: Reach, fault: QueuePileUp) -> None:
    def publish() -> None:
        with reach.celery.connection_for_write() as connection:
            for _ in range(fault.messages):
                reach.celery.send_task(
                    names.TASK_BALLAST, connection=connection, retry=False, expires=fault.seconds
                )

    await asyncio.to_thread(publish)


_ACTS: dict[type[Fault], _Act] = {
    Deadlocks: _deadlock,
    SlowQueries: _query_slowly,
    Connections: _hoard_connections,
    CacheMisses: _miss,
    CacheMemory: _fill_cache,
    CacheClients: _flood_cache,
    QueuePileUp: _pile_up,
}
