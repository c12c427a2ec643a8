"""What programs ask: what arrived, what happened, is the inbox well, what has it counted; and how it shall fail.

The description of all this is at ``/openapi.json``.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from inbox.failures import Failure, Failures
from inbox.incidents import Incident, incidents
from inbox.metrics import Metrics
from inbox.notifications import Notification, Receiver, Status
from inbox.store import Filter, Store

_MOST = 10_000


@dataclass(frozen=True)
class Notifications:
    """Notifications, oldest first."""

    notifications: list[Notification]


@dataclass(frozen=True)
class Incidents:
    """Incidents, newest first."""

    incidents: list[Incident]


@dataclass(frozen=True)
class Pending:
    """How receivers will fail."""

    failures: list[Failure]


@dataclass(frozen=True)
class Health:
    """The inbox answers, and so does its database."""

    status: str


def api_routes(store: Store, metrics: Metrics, failures: Failures) -> APIRouter:
    """Return the routes for programs."""
    router = APIRouter()
    _add_failures(router, failures)

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

    @router.get("/api/v1/incidents")
    async def what_happened(
        state: Annotated[Status | None, Query(description="Only those that are in this state now.")] = None,
    ) -> Incidents:
        """List the incidents that the notifications kept tell of, the newest first."""
        found = incidents(await store.read(Filter(without="watchdog", limit=_MOST)))
        return Incidents([each for each in found if state in {None, each.state}])

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


def _add_failures(router: APIRouter, failures: Failures) -> None:
    @router.get("/api/v1/failures")
    async def pending() -> Pending:
        """List how receivers will fail, with what is left of count and time."""
        return Pending(failures.pending())

    @router.post("/api/v1/failures", status_code=201)
    async def ask(failure: Failure) -> Pending:
        """Let a receiver fail, so many times and so long at most; the last word about a receiver counts."""
        failures.ask(failure)
        return Pending(failures.pending())

    @router.delete("/api/v1/failures")
    async def forget() -> Pending:
        """Let every receiver work again."""
        failures.forget()
        return Pending(failures.pending())
