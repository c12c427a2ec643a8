"""Put the inbox together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx2
from fastapi import FastAPI, Request
from starlette.responses import Response

from inbox.alertmanager import alertmanager_routes
from inbox.api import api_routes
from inbox.dead_mans_switch import DeadMansSwitch
from inbox.evidence import Prometheus
from inbox.evidence_pages import Addresses, evidence_routes
from inbox.failures import BrokenOffError, Failures
from inbox.intake import Intake
from inbox.keys import read_keys
from inbox.loki import Loki
from inbox.metrics import CountRequests, Metrics
from inbox.pagerduty import pagerduty_routes
from inbox.pages import page_routes
from inbox.rendering import Renderer
from inbox.runbooks import Runbooks
from inbox.settings import Settings
from inbox.slack import slack_routes
from inbox.store import Store


def create_app(settings: Settings, *, transport: httpx2.AsyncBaseTransport | None = None) -> FastAPI:
    """Return the application; ``transport`` lets a test answer in Prometheus' place."""
    keys = read_keys(settings)
    store = Store(settings.database, keep=settings.keep_per_receiver)
    metrics = Metrics()
    failures = Failures()
    intake = Intake(store, metrics, failures)
    prometheus, loki = (
        httpx2.AsyncClient(
            base_url=str(address),
            timeout=settings.evidence_timeout_seconds,
            trust_env=False,  # both are next door; a proxy of the machine's must not be asked
            transport=transport,
        )
        for address in (settings.prometheus_url, settings.loki_url)
    )
    switch = DeadMansSwitch(
        intake,
        patience=settings.watchdog_patience,
        start=settings.watchdog_start_seconds,
        links=str(settings.links),
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(switch.watch())
        yield
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await prometheus.aclose()
        await loki.aclose()
        store.close()

    app = FastAPI(
        title="Stratum inbox",
        description="The notifications that arrived.",
        lifespan=lifespan,
        docs_url=None,  # these pages load scripts from elsewhere; the description is at /openapi.json
        redoc_url=None,
    )
    app.add_middleware(CountRequests, metrics=metrics)
    app.include_router(pagerduty_routes(intake, routing_key=keys.pagerduty))
    app.include_router(slack_routes(intake, webhooks=keys.slack))
    app.include_router(alertmanager_routes(intake))
    app.include_router(api_routes(store, metrics, failures))
    renderer = Renderer()
    app.include_router(page_routes(store, failures, renderer))
    app.include_router(
        evidence_routes(
            store,
            runbooks=Runbooks(settings.runbooks),
            prometheus=Prometheus(prometheus),
            loki=Loki(loki),
            renderer=renderer,
            addresses=Addresses(str(settings.prometheus_links), str(settings.jaeger_links)),
        ),
    )

    @app.exception_handler(BrokenOffError)
    async def broken_off(_request: Request, _error: Exception) -> Response:
        """Nobody is there to be answered."""
        return Response(status_code=499)

    return app
