"""Names that dashboards share with the rest of the stack: datasources, selectors, addresses."""

import json
from urllib.parse import quote

from grafana_foundation_sdk.models.common import DataSourceRef

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="${datasource}")
"""The variable of every dashboard; its default is the provisioned uid `prometheus`."""

USERS_REQUESTS = 'job="stratum-api",endpoint!~"/internal/.*|/health.*|/metrics"'
"""What counts as a user's request; the same words as in prometheus/rules, so that a panel and an alert agree."""

ROUTES = f'{USERS_REQUESTS},endpoint=~"$endpoint"'
"""The same, of the routes chosen at the top of the dashboard."""

INBOX = "${inbox:raw}"
"""Runbooks and notifications; a hidden variable, since a dashboard file cannot read the environment."""


def explore_logs(query: str) -> str:
    """The address of Explore with a LogQL query, over the dashboard's time range."""
    return _explore("loki", {"refId": "A", "expr": query, "queryType": "range"})


def explore_traces(service: str) -> str:
    """The address of Explore with the latest traces of one service."""
    return _explore("jaeger", {"refId": "A", "queryType": "search", "service": service})


def runbook(alert: str) -> str:
    """The address of an alert's runbook."""
    return f"{INBOX}/runbooks/{alert}"


def _explore(uid: str, query: dict[str, str]) -> str:
    # Grafana fills in the range when the link is opened; the braces of its variables must stay as they are.
    pane = {
        "datasource": uid,
        "queries": [query | {"datasource": {"type": uid, "uid": uid}}],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
    panes = json.dumps({"a": pane}, sort_keys=True, separators=(",", ":"))
    return f"/explore?schemaVersion=1&orgId=1&panes={quote(panes, safe='${}')}"


LOGS = ("Log lines of the API", explore_logs('{service_name="stratum-api"} | event="api_request"'))
FAILED = (
    "Log lines of failed requests",
    explore_logs('{service_name="stratum-api"} | event="api_request" | status_code=~"5.."'),
)
TRACES = ("Traces of the API", explore_traces("stratum-api"))
