"""The API's connections to the world: made once, closed when it stops."""

import asyncio
from functools import partial

import structlog
from celery import Celery  # type: ignore[import-untyped]
from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncEngine

from sample_app import redis_clients
from sample_app.analytics.dashboard import DatabaseAnalytics
from sample_app.cache import RedisCache
from sample_app.campaigns.cached import CachedCampaigns
from sample_app.campaigns.store import DatabaseCampaigns
from sample_app.cdp.profiles import DatabaseProfiles
from sample_app.cdp.segments import DatabaseSegments
from sample_app.database import Database, DatabaseTimeoutError, make_async_engine
from sample_app.events.stream import RedisEventStream
from sample_app.faults.actors import Actors, Faults, Reach
from sample_app.faults.switchboard import AsyncSwitchboard
from sample_app.feed.hub import DecisionHub
from sample_app.health.checks import run_checks
from sample_app.health.workers import WorkerCheck
from sample_app.queueing import CeleryPublisher, make_celery
from sample_app.settings import Settings
from sample_app.stores import Check, Platform
from sample_app.telemetry.errors import report
from sample_app.telemetry.sql import count_slow_statements, trace_statements
from sample_app.telemetry.watch import Watch
from sample_app.tenancy import DatabaseTenants
from sample_app.trust.automations import DatabaseAutomations
from sample_app.trust.signals import DatabaseSignals
from sample_app.trust.store import DatabaseExecutions

_LOG = structlog.get_logger()
_TENANTS_EVERY_SECONDS = 15.0
_CHECK_EVERY_SECONDS = 5.0


class Resources:
    """Database, cache and broker of one API process. Nothing connects before it is needed."""

    def __init__(self, settings: Settings, watch: Watch) -> None:
        """Prepare everything."""
        self._watch, tracer = watch, watch.tracer
        self._primary = make_async_engine(settings)
        self._replica = make_async_engine(settings, replica=True)
        for engine in (self._primary, self._replica):
            trace_statements(engine.sync_engine, tracer)
            count_slow_statements(engine.sync_engine, watch.slow_statements)
        self._cache = redis_clients.async_cache(settings)
        self._broker = redis_clients.async_broker(settings)
        celery = make_celery(settings, impatient=True)
        self._publisher = CeleryPublisher(celery, tracer)
        primary, replica = (
            Database(engine, seconds=settings.database_timeout_seconds)
            for engine in (self._primary, self._replica)
        )
        cache = RedisCache(self._cache, tracer, ttl_seconds=settings.cache_ttl_seconds)
        self._hub = DecisionHub()
        self._running: list[asyncio.Task[None]] = []
        detailed: dict[str, Check] = {"broker": self._ask_broker, "celery": WorkerCheck.of(celery)}
        if settings.database_replica_host:
            detailed["database_replica"] = partial(_ask_database, self._replica)
        self.platform = Platform(
            tenants=DatabaseTenants(primary),
            automations=DatabaseAutomations(primary),
            executions=DatabaseExecutions(primary),
            publisher=self._publisher,
            signals=DatabaseSignals(primary),
            campaigns=CachedCampaigns(DatabaseCampaigns(primary), cache),
            profiles=DatabaseProfiles(primary),
            segments=DatabaseSegments(primary),
            analytics=DatabaseAnalytics(replica),
            events=RedisEventStream(self._broker),
            feed=self._hub,
            internal_key=settings.internal_key.get_secret_value(),
            ready={"database": partial(_ask_database, self._primary), "cache": self._ask_cache},
            detailed=detailed,
        )
        self.faults = self._make_faults(settings, celery) if settings.faults == "on" else None

    def start(self) -> None:
        """Begin what goes on beside the requests; needs a running loop."""
        self._running = [
            asyncio.create_task(self._hub.follow(self._cache)),
            asyncio.create_task(self._expect_tenants()),
            asyncio.create_task(self._check_dependencies()),
        ]
        if self.faults is not None:
            self._running.append(asyncio.create_task(self.faults.switchboard.watch()))
        for task in self._running:
            task.add_done_callback(_tell_of_its_end)

    async def _check_dependencies(self) -> None:
        """Keep the gauges current beside the scrapes, which must not wait for a dependency."""
        checks = {**self.platform.ready, **self.platform.detailed}
        while True:
            findings = await run_checks(checks)
            self._watch.dependencies.found({name: finding.healthy for name, finding in findings.items()})
            await asyncio.sleep(_CHECK_EVERY_SECONDS)

    async def _expect_tenants(self) -> None:
        """Begin the series of tenants at zero, also of those that come later."""
        while True:
            try:
                self._watch.platform.expect(await self.platform.tenants.ids())
            # whatever the database says today: later tenants need it asked again
            except (exc.SQLAlchemyError, DatabaseTimeoutError) as error:
                _LOG.warning("tenants_unknown", cause=type(error).__name__)
            await asyncio.sleep(_TENANTS_EVERY_SECONDS)

    def _make_faults(self, settings: Settings, celery: Celery) -> Faults:
        switchboard = AsyncSwitchboard(self._broker)
        actors = Actors(Reach(self._primary, self._cache, celery, switchboard))
        return Faults(switchboard, actors, settings.faults_key.get_secret_value())

    async def close(self) -> None:
        """Let go of everything."""
        if self.faults is not None:
            await self.faults.actors.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._publisher.close()
        await self._cache.aclose()
        await self._broker.aclose()
        await self._primary.dispose()
        await self._replica.dispose()

    async def _ask_cache(self) -> None:
        await self._cache.ping()

    async def _ask_broker(self) -> None:
        await self._broker.ping()


def _tell_of_its_end(task: "asyncio.Task[None]") -> None:
    """Say so when something ends that goes on beside the requests, which nobody waits for."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOG.error("background_task_ended", exc_info=error)
        report(error, endpoint="background task")


async def _ask_database(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
