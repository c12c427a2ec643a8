"""The page that a notification links to: what Prometheus and Loki say of an alert now; and its runbook."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import APIRouter
from markupsafe import Markup
from starlette.responses import Response

from inbox.evidence import Answer, Prometheus, Rule, UnreachableError
from inbox.loki import Loki, logs_of
from inbox.rendering import Renderer
from inbox.runbooks import Runbook, Runbooks, is_alert_name
from inbox.store import Filter, Store

_LATEST_OF_AN_ALERT = 20
_MOST_LOG_QUERIES = 3


@dataclass(frozen=True)
class Addresses:
    """Where a person opens what was asked."""

    prometheus: str
    jaeger: str

    def query(self, query: str) -> str:
        """The same question, asked of Prometheus by the person's browser."""
        return f"{self.prometheus.rstrip('/')}/api/v1/query?query={quote(query)}"

    def trace(self, trace_id: str) -> str:
        """One trace in Jaeger."""
        return f"{self.jaeger.rstrip('/')}/trace/{trace_id}"


def evidence_routes(
    store: Store,
    *,
    runbooks: Runbooks,
    prometheus: Prometheus,
    loki: Loki,
    renderer: Renderer,
    addresses: Addresses,
) -> APIRouter:
    """Return the routes for people that ask Prometheus and Loki."""
    router = APIRouter(include_in_schema=False)

    @router.get("/alerts/{name}")
    async def alert(name: str) -> Response:
        """Show an alert's evidence."""
        if not is_alert_name(name):
            return renderer.missing("No alert can have this name.")
        runbook = runbooks.find(name)
        latest = await store.read(Filter(alertname=name, without="watchdog", limit=_LATEST_OF_AN_ALERT))
        values: dict[str, object] = {
            "name": name,
            "runbook": runbook,
            "notifications": list(reversed(latest)),
            "addresses": addresses,
            "rules": (),
            "conditions": (),
            "answers": (),
            "logs": (),
            "unreachable": "",
        }
        try:
            rules = await prometheus.rules(name)
            if not rules:
                return renderer.missing(f"Prometheus has no alerting rule named {name}.")
            conditions, answers = await _ask(prometheus, rules, runbook)
        except UnreachableError as error:
            return renderer.page("alert.html", values | {"unreachable": str(error)}, status_code=503)
        logs = await asyncio.gather(
            *(loki.newest(query, now=renderer.now()) for query in _log_queries(rules, runbook))
        )
        found = {"rules": rules, "conditions": conditions, "answers": answers, "logs": logs}
        return renderer.page("alert.html", values | found)

    @router.get("/runbooks/{name}")
    async def runbook(name: str) -> Response:
        """Show an alert's runbook."""
        found = runbooks.find(name)
        if found is None:
            return renderer.missing(f"There is no runbook named {name}.")
        html = Markup(found.html)  # noqa: S704  # the Markdown renderer has escaped what its author wrote
        return renderer.page("runbook.html", {"name": found.name, "runbook": html})

    return router


async def _ask(
    prometheus: Prometheus, rules: Sequence[Rule], runbook: Runbook | None
) -> tuple[Sequence[Answer], Sequence[Answer]]:
    """Return the answers to the rules' own expressions, and to the queries of the runbook."""
    expressions = [rule.expression for rule in rules]
    answers = await prometheus.ask_all([*expressions, *(runbook.queries if runbook else ())])
    return answers[: len(expressions)], answers[len(expressions) :]


def _log_queries(rules: Sequence[Rule], runbook: Runbook | None) -> Sequence[str]:
    """What the runbook asks; without that, what the services concerned complain of."""
    if runbook and runbook.log_queries:
        return runbook.log_queries[:_MOST_LOG_QUERIES]
    jobs = dict.fromkeys(alert.job for rule in rules for alert in rule.alerts if is_service(alert.job))
    return [logs_of(job) for job in jobs][:_MOST_LOG_QUERIES]


def is_service(job: str) -> bool:
    """Whether a job's name is safe inside a LogQL string."""
    return bool(job) and all(character.isalnum() or character in "-_" for character in job)
