"""Puts the two applications together: the public one, and the internal one for scrapes and reports."""

from fastapi import Depends, FastAPI, Request
from fastapi.routing import iter_route_contexts
from starlette.responses import Response

from sample_app import problems
from sample_app.analytics import routes as analytics
from sample_app.body_limit import BodyLimit, refuse_declared_size
from sample_app.campaigns import routes as campaigns
from sample_app.cdp import profile_routes, segment_routes
from sample_app.events import routes as events
from sample_app.faults.actors import Faults
from sample_app.faults.requests import RequestFaults
from sample_app.faults.routes import make_router as make_faults_router
from sample_app.feed import routes as feed
from sample_app.health import routes as health
from sample_app.internal import routes as internal
from sample_app.settings import Settings
from sample_app.stores import Platform
from sample_app.telemetry import names
from sample_app.telemetry.connections import Connections
from sample_app.telemetry.metrics import RequestMetrics, exposition
from sample_app.telemetry.middleware import Telemetry
from sample_app.telemetry.watch import Watch
from sample_app.trust import routes as trust
from sample_app.trust import signal_routes

_SUBJECTS = (
    trust.router,
    signal_routes.router,
    campaigns.router,
    profile_routes.router,
    segment_routes.router,
    events.router,
    analytics.router,
    feed.router,
)


def make_public_app(
    settings: Settings, platform: Platform, watch: Watch, faults: Faults | None = None
) -> FastAPI:
    """Return the API that tenants use."""
    app = _make_app(settings, platform, watch, openapi_url="/openapi.json", faults=faults)
    app.include_router(health.router)
    for router in _SUBJECTS:
        app.include_router(router, prefix="/api/v1")
    app.include_router(internal.router)
    if faults is not None:
        app.include_router(make_faults_router(faults))
    _expect_routes(app, watch.metrics)
    problems.describe(app.openapi())
    return app


def make_internal_app(settings: Settings, platform: Platform, watch: Watch) -> FastAPI:
    """Return what only the stack's own network reaches."""
    app = _make_app(settings, platform, watch, openapi_url=None)
    app.include_router(health.detailed_router)

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        body, content_type = exposition(watch.registry, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    _expect_routes(app, watch.metrics)
    return app


def _make_app(
    settings: Settings,
    platform: Platform,
    watch: Watch,
    *,
    openapi_url: str | None,
    faults: Faults | None = None,
) -> FastAPI:
    app = FastAPI(
        title="Stratum",
        version=settings.release,
        openapi_url=openapi_url,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would lose the body, and is no problem detail
        dependencies=[Depends(refuse_declared_size)],
        # FastAPI traces by itself as soon as a global provider exists: a second span for every request
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.platform = platform
    app.state.watch = watch
    problems.install(app)
    app.add_middleware(BodyLimit)
    if faults is not None:
        app.add_middleware(RequestFaults, switches=faults.switchboard)
    app.add_middleware(Connections, active=watch.platform.connections)
    # added last, so outermost
    app.add_middleware(Telemetry, metrics=watch.metrics, tracer=watch.tracer)
    return app


def _expect_routes(app: FastAPI, metrics: RequestMetrics) -> None:
    for route in iter_route_contexts(app.routes):
        success = getattr(route, "status_code", None) or 200  # routes of Starlette's own have none
        for method in sorted(route.methods or ()):
            metrics.expect(method, route.path_format or names.UNMATCHED, success)
