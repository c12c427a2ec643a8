"""What the platforms answer. An order is carried out once, however often it comes: its key is remembered."""

import asyncio
from collections import OrderedDict
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import FastAPI, Header, Request
from prometheus_client import Counter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from sample_app import problems
from sample_app.faults.catalogue import AdPlatformFails, meets
from sample_app.faults.switchboard import Switches
from sample_app.problems import ProblemError, responses
from sample_app.telemetry import names
from sample_app.telemetry.metrics import exposition
from sample_app.telemetry.middleware import Telemetry
from sample_app.telemetry.watch import Watch

Platform = Literal["meta", "google", "tiktok"]

_REMEMBERED = 10_000
_FAILURES = {
    "unavailable": (HTTPStatus.SERVICE_UNAVAILABLE, "The platform is in maintenance."),
    "rate-limited": (HTTPStatus.TOO_MANY_REQUESTS, "Too many calls for this account."),
    "rejected": (HTTPStatus.UNPROCESSABLE_ENTITY, "The account is suspended."),
}


class Action(BaseModel):
    """What a platform is asked to do."""

    model_config = ConfigDict(extra="forbid")

    automation_id: int = Field(ge=1)
    action: str = Field(min_length=1, max_length=64)


class Done(BaseModel):
    """What it did."""

    reference: str


def make_app(release: str, watch: Watch, switches: Switches) -> FastAPI:
    """Return the stand-in for all three platforms."""
    app = FastAPI(
        title="Ad platforms",
        version=release,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    problems.install(app)
    app.add_middleware(Telemetry, metrics=watch.metrics, tracer=watch.tracer)
    metric = names.AD_PLATFORM_ORDERS
    orders = Counter(metric.name, metric.help, metric.labels, registry=watch.registry)
    for platform in names.PLATFORMS:
        for result in names.ORDER_RESULTS:
            orders.labels(platform, result)
    done: OrderedDict[str, str] = OrderedDict()

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "healthy"}

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        body, content_type = exposition(watch.registry, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    @app.post("/{platform}/v1/actions", responses=responses(*(status for status, _ in _FAILURES.values())))
    async def act(
        platform: Platform,
        action: Action,
        idempotency_key: Annotated[str, Header(min_length=1, max_length=128)],
    ) -> Done:
        try:
            await _obey(switches.get(AdPlatformFails), platform)
        except ProblemError:
            orders.labels(platform, "refused").inc()
            raise
        if idempotency_key in done:
            orders.labels(platform, "repeated").inc()
        else:
            orders.labels(platform, "done").inc()
            done[idempotency_key] = f"{platform}-{action.automation_id}-{len(done)}"
            while len(done) > _REMEMBERED:
                done.popitem(last=False)
        return Done(reference=done[idempotency_key])

    return app


async def _obey(fault: AdPlatformFails | None, platform: Platform) -> None:
    """Fail, or take long, as a fault says."""
    if fault is None or fault.platform not in {None, platform} or not meets(fault.share):
        return
    if fault.failure == "slow":
        await asyncio.sleep(fault.milliseconds / 1000)
        return
    status, detail = _FAILURES[fault.failure]
    headers = {"Retry-After": "1"} if status == HTTPStatus.TOO_MANY_REQUESTS else None
    raise ProblemError(status, detail, headers=headers)
