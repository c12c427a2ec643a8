"""Faults that tenants' requests meet. Inside the telemetry layer, so that they look like the application's own."""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from sample_app.faults.catalogue import Errors, Latency, meets
from sample_app.faults.switchboard import Switches

_TENANTS_ROUTES = "/api/"


class InjectedError(Exception):
    """Raised because a fault says so."""


class RequestFaults:
    """Delays or crashes some of the tenants' requests."""

    def __init__(self, app: ASGIApp, *, switches: Switches) -> None:
        """Wrap the application."""
        self._app = app
        self._switches = switches

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or not."""
        if scope["type"] == "http" and scope["path"].startswith(_TENANTS_ROUTES):
            latency, errors = self._switches.get(Latency), self._switches.get(Errors)
            if latency and meets(latency.share):
                await asyncio.sleep(latency.milliseconds / 1000)
            if errors and meets(errors.share):
                raise InjectedError("A fault of this kind is switched on.")
        await self._app(scope, receive, send)
