"""Put the inbox together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI

from inbox.alertmanager import alertmanager_routes
from inbox.api import api_routes
from inbox.evidence import Prometheus
from inbox.intake import Intake
from inbox.keys import read_keys
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
    intake = Intake(store, metrics)
    client = httpx2.AsyncClient(
        base_url=str(settings.prometheus_url),
        timeout=settings.prometheus_timeout_seconds,
        trust_env=False,  # Prometheus is next door; a proxy of the machine's must not be asked
        transport=transport,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await client.aclose()
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
    app.include_router(api_routes(store, metrics))
    app.include_router(
        page_routes(
            store,
            runbooks=Runbooks(settings.runbooks),
            prometheus=Prometheus(client),
            renderer=Renderer(),
        ),
    )
    return app
