"""What people see: the newest notifications, an alert's evidence, its runbook. Readable on a phone, without JavaScript."""

from fastapi import APIRouter
from markupsafe import Markup
from starlette.responses import Response

from inbox.evidence import Prometheus, UnreachableError
from inbox.rendering import Renderer
from inbox.runbooks import Runbooks, is_alert_name
from inbox.store import Filter, Store

_NEWEST = 100
_LATEST_OF_AN_ALERT = 20


def page_routes(store: Store, *, runbooks: Runbooks, prometheus: Prometheus, renderer: Renderer) -> APIRouter:
    """Return the routes for people."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def newest() -> Response:
        """Show the newest notifications, and when the Watchdog was last heard."""
        shown = await store.read(Filter(without="watchdog", limit=_NEWEST))
        heard = await store.read(Filter(receiver="watchdog", limit=1))
        values = {"notifications": list(reversed(shown)), "watchdog": heard[0] if heard else None}
        return renderer.page("newest.html", values)

    @router.get("/alerts/{name}")
    async def alert(name: str) -> Response:
        """Show an alert's evidence."""
        if not is_alert_name(name):
            return renderer.missing("No alert can have this name.")
        runbook = runbooks.find(name)
        latest = await store.read(Filter(alertname=name, limit=_LATEST_OF_AN_ALERT))
        values: dict[str, object] = {
            "name": name,
            "runbook": runbook,
            "notifications": list(reversed(latest)),
            "rules": (),
            "answers": (),
            "unreachable": "",
        }
        try:
            rules = await prometheus.rules(name)
            if not rules:
                return renderer.missing(f"Prometheus has no alerting rule named {name}.")
            queries = [*(rule.expression for rule in rules), *(runbook.queries if runbook else ())]
            answers = await prometheus.ask_all(queries)
        except UnreachableError as error:
            return renderer.page("alert.html", values | {"unreachable": str(error)}, status_code=503)
        return renderer.page("alert.html", values | {"rules": rules, "answers": answers})

    @router.get("/runbooks/{name}")
    async def runbook(name: str) -> Response:
        """Show an alert's runbook."""
        found = runbooks.find(name)
        if found is None:
            return renderer.missing(f"There is no runbook named {name}.")
        html = Markup(found.html)  # noqa: S704  # the Markdown renderer has escaped what its author wrote
        return renderer.page("runbook.html", {"name": found.name, "runbook": html})

    @router.get("/style.css")
    async def style_sheet() -> Response:
        """Serve the style of all pages."""
        return renderer.style_sheet()

    return router
