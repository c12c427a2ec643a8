"""PostgreSQL: the engines of each process, bounded in number of connections and in time."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import URL, Engine, Executable, MetaData, Row, create_engine, exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from sample_app.settings import Settings

_T = TypeVar("_T")
_Row: TypeAlias = Row[*tuple[Any, ...]]
_CONNECT_SECONDS = 2
_POOL_WAIT_SECONDS = 1.0
_STATEMENT_MS = 5_000
_LOCK_MS = 3_000
_IDLE_MS = 15_000
_ALIVE_SECONDS = 10

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class DatabaseTimeoutError(Exception):
    """The database did not answer in time."""


UNAVAILABLE: tuple[type[Exception], ...] = (
    exc.OperationalError,
    exc.InterfaceError,
    exc.TimeoutError,
    DatabaseTimeoutError,
)
"""What an absent, paused or overloaded database looks like."""


class Database:
    """An engine as the stores use it: whatever they ask has a time limit."""

    def __init__(self, engine: AsyncEngine, *, seconds: float) -> None:
        """Ask through an engine whose statements commit by themselves."""
        self._engine = engine
        self._transactions = engine.execution_options(isolation_level="READ COMMITTED")
        self._seconds = seconds

    async def rows(self, statement: Executable) -> Sequence[_Row]:
        """Run one statement and return its rows."""

        async def run() -> Sequence[_Row]:
            async with self._engine.connect() as connection:
                return (await connection.execute(statement)).all()

        return await within(self._seconds, run())

    async def row(self, statement: Executable) -> _Row | None:
        """Run one statement and return its first row, if there is one."""
        rows = await self.rows(statement)
        return rows[0] if rows else None

    async def transaction(self, work: Callable[[AsyncConnection], Awaitable[_T]]) -> _T:
        """Run several statements that hold together."""

        async def run() -> _T:
            async with self._transactions.begin() as connection:
                return await work(connection)

        return await within(self._seconds, run())


def make_async_engine(settings: Settings, *, replica: bool = False) -> AsyncEngine:
    """Return an engine of the API; each of its statements commits by itself, which saves two round trips.

    The replica's, where none is configured, is another one of the primary's.
    """
    return create_async_engine(
        _url(settings, replica=replica),
        connect_args=_connect_args(settings),
        isolation_level="AUTOCOMMIT",
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_SECONDS,
        pool_pre_ping=True,  # a restarted database costs no request
        hide_parameters=True,
    )


def make_engine(settings: Settings, *, pool_size: int = 2) -> Engine:
    """Return a synchronous engine, for one process of the worker or for migrations."""
    return create_engine(
        _url(settings),
        connect_args=_connect_args(settings),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
    )


async def within(seconds: float, work: Coroutine[Any, Any, _T]) -> _T:
    """Return the work's result, or give up on it.

    A paused server keeps its connections open and answers nothing: the driver, when cancelled,
    waits for the cancelled statement's end. So the work is left behind, holding a connection of the bounded pool.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        task.add_done_callback(_forget)
        task.cancel()
        raise DatabaseTimeoutError
    return task.result()


def _forget(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()


def _url(settings: Settings, *, replica: bool = False) -> URL:
    elsewhere = replica and settings.database_replica_host
    return URL.create(
        "postgresql+psycopg",
        username=settings.database_user,
        password=settings.database_password.get_secret_value(),
        host=settings.database_replica_host if elsewhere else settings.database_host,
        port=settings.database_replica_port if elsewhere else settings.database_port,
        database=settings.database_name,
    )


def _connect_args(settings: Settings) -> dict[str, Any]:
    return {
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": settings.service,
        "tcp_user_timeout": 2 * _STATEMENT_MS,
        # who waits for an answer has nothing unsent, and Linux would ask after two hours whether the other side is there
        "keepalives_idle": _ALIVE_SECONDS,
        "keepalives_interval": _ALIVE_SECONDS // 2,
        "options": f"-c statement_timeout={_STATEMENT_MS} -c lock_timeout={_LOCK_MS}"
        f" -c idle_in_transaction_session_timeout={_IDLE_MS}",
    }
