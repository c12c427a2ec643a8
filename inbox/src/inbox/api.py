"""What programs ask: which notifications arrived, is the inbox well, what has it counted."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from inbox.metrics import Metrics
from inbox.notifications import Notification, Receiver, Status
from inbox.store import Filter, Store

_MOST = 10_000


@dataclass(frozen=True)
class Notifications:
    """Notifications, oldest first."""

    notifications: list[Notification]


@dataclass(frozen=True)
class Health:
    """The inbox answers, and so does its database."""

    status: str


def api_routes(store: Store, metrics: Metrics) -> APIRouter:
    """Return the routes for programs."""
    router = APIRouter()

    @router.get("/api/v1/notifications")
    async def notifications(
        *,
        alertname: Annotated[str | None, Query(description="Only this alert's.")] = None,
        receiver: Annotated[Receiver | None, Query(description="Only what reached this receiver.")] = None,
        status: Annotated[
            Status | None, Query(description="Only firing, acknowledged or resolved ones.")
        ] = None,
        since: Annotated[
            float | None,
            Query(
                allow_inf_nan=False, description="Only those received at or after this Unix time, in seconds."
            ),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=_MOST, description="At most so many, the newest.")] = 1000,
    ) -> Notifications:
        """List the notifications received, oldest first."""
        wanted = Filter(alertname=alertname, receiver=receiver, status=status, since=since, limit=limit)
        return Notifications(list(await store.read(wanted)))

    @router.get("/health")
    async def health() -> Health:
        """Answer when notifications can be kept."""
        await store.check()
        return Health("ok")

    @router.get("/metrics", include_in_schema=False)
    async def page() -> Response:
        """Answer Prometheus."""
        return Response(metrics.page(), media_type=CONTENT_TYPE_LATEST)

    return router
