"""What people see first: incidents, then what was sent, word for word. Readable on a phone, without JavaScript."""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.responses import Response

from inbox.failures import Failures
from inbox.incidents import Incident, incidents
from inbox.rendering import Renderer
from inbox.store import Filter, Store

_MOST_READ = 10_000
_MOST_OVER = 30
_NEWEST = 100
_HIGHEST_ID = 2**63 - 1


def page_routes(store: Store, failures: Failures, renderer: Renderer) -> APIRouter:
    """Return the routes for people that need nobody else's answer."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def overview() -> Response:
        """Show what is wrong now, what was, and when the Watchdog was last heard."""
        found = incidents(await store.read(Filter(without="watchdog", limit=_MOST_READ)))
        heard = await store.read(Filter(receiver="watchdog", limit=1))
        current = _by_urgency([one for one in found if one.state != "resolved"])
        values = {
            "current": current,
            "verdict": _verdict(current),
            "over": [one for one in found if one.state == "resolved"][:_MOST_OVER],
            "watchdog": heard[0] if heard else None,
            "failures": failures.pending(),
        }
        return renderer.page("incidents.html", values)

    @router.get("/notifications")
    async def newest() -> Response:
        """Show the newest notifications, the Watchdog's left out."""
        shown = await store.read(Filter(without="watchdog", limit=_NEWEST))
        return renderer.page("newest.html", {"notifications": list(reversed(shown))})

    @router.get("/notifications/{number}")
    async def one(number: str) -> Response:
        """Show one notification word for word."""
        found = await store.read(Filter(id=int(number))) if _is_id(number) else ()
        if not found:
            return renderer.missing("There is no such notification, or it is no longer kept.")
        return renderer.page("notification.html", {"notification": found[0]})

    @router.get("/style.css")
    async def style_sheet() -> Response:
        """Serve the style of all pages."""
        return renderer.style_sheet()

    return router


def _is_id(number: str) -> bool:
    return number.isascii() and number.isdecimal() and len(number) < len(str(_HIGHEST_ID))


def _verdict(current: Sequence[Incident]) -> str:
    """Name the colour of the first page: an information spoils nobody's day."""
    if any(one.severity == "critical" for one in current):
        return "bad"
    return "wait" if any(one.severity != "info" for one in current) else "good"


def _by_urgency(current: Sequence[Incident]) -> Sequence[Incident]:
    """The most urgent first; among equals the newest, as they come."""
    order = {"critical": 0, "error": 1, "warning": 2}
    return sorted(current, key=lambda one: order.get(one.severity, 3))
