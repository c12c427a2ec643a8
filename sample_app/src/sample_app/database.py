"""PostgreSQL: the engines of each process, bounded in number of connections and in time."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from sqlalchemy import URL, Engine, MetaData, create_engine, exc
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sample_app.settings import Settings

_T = TypeVar("_T")
_CONNECT_SECONDS = 2
_POOL_WAIT_SECONDS = 1.0
_STATEMENT_MS = 5_000
_LOCK_MS = 3_000
_IDLE_MS = 15_000

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


def make_async_engine(settings: Settings) -> AsyncEngine:
    """Return the API's engine; each of its statements commits by itself, which saves two round trips."""
    return create_async_engine(
        _url(settings),
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


def _url(settings: Settings) -> URL:
    return URL.create(
        "postgresql+psycopg",
        username=settings.database_user,
        password=settings.database_password.get_secret_value(),
        host=settings.database_host,
        port=settings.database_port,
        database=settings.database_name,
    )


def _connect_args(settings: Settings) -> dict[str, Any]:
    return {
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": settings.service,
        "tcp_user_timeout": 2 * _STATEMENT_MS,
        "options": f"-c statement_timeout={_STATEMENT_MS} -c lock_timeout={_LOCK_MS}"
        f" -c idle_in_transaction_session_timeout={_IDLE_MS}",
    }
