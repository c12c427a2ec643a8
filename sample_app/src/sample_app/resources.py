"""The API's connections to the world: made once, closed when it stops."""

import redis.asyncio
from celery import Celery  # type: ignore[import-untyped]
from opentelemetry.trace import Tracer
from sqlalchemy import text

from sample_app.database import make_async_engine
from sample_app.faults.actors import Actors, Faults, Reach
from sample_app.faults.switchboard import AsyncSwitchboard
from sample_app.queueing import CeleryPublisher, make_celery
from sample_app.settings import Settings
from sample_app.stores import Platform
from sample_app.telemetry.sql import trace_statements
from sample_app.tenancy import DatabaseTenants
from sample_app.trust.store import DatabaseExecutions

_REDIS_SECONDS = 1.0


class Resources:
    """Database, cache and broker of one API process. Nothing connects before it is needed."""

    def __init__(self, settings: Settings, tracer: Tracer) -> None:
        """Prepare everything."""
        self._engine = make_async_engine(settings)
        trace_statements(self._engine.sync_engine, tracer)
        self._cache = _redis(
            settings.redis_host,
            settings.redis_port,
            settings.redis_username,
            settings.redis_password.get_secret_value(),
        )
        self._broker = _redis(
            settings.broker_host,
            settings.broker_port,
            settings.broker_username,
            settings.broker_password.get_secret_value(),
        )
        celery = make_celery(settings, impatient=True)
        self._publisher = CeleryPublisher(celery, tracer)
        seconds = settings.database_timeout_seconds
        self.platform = Platform(
            tenants=DatabaseTenants(self._engine, seconds=seconds),
            executions=DatabaseExecutions(self._engine, seconds=seconds),
            publisher=self._publisher,
            internal_key=settings.internal_key.get_secret_value(),
            ready={"database": self._ask_database, "cache": self._ask_cache},
            detailed={"broker": self._ask_broker},
        )

        self.faults = self._make_faults(settings, celery) if settings.faults == "on" else None

    def _make_faults(self, settings: Settings, celery: Celery) -> Faults:
        switchboard = AsyncSwitchboard(self._broker)
        actors = Actors(Reach(self._engine, self._cache, celery, switchboard))
        return Faults(switchboard, actors, settings.faults_key.get_secret_value())

    async def close(self) -> None:
        """Let go of everything."""
        if self.faults is not None:
            await self.faults.actors.close()
        self._publisher.close()
        await self._cache.aclose()
        await self._broker.aclose()
        await self._engine.dispose()

    async def _ask_database(self) -> None:
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def _ask_cache(self) -> None:
        await self._cache.ping()

    async def _ask_broker(self) -> None:
        await self._broker.ping()


def _redis(host: str, port: int, username: str, password: str) -> "redis.asyncio.Redis":
    return redis.asyncio.Redis(
        host=host,
        port=port,
        username=username or None,
        password=password or None,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        max_connections=20,
    )
