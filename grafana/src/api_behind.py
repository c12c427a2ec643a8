"""What is behind the API's numbers: slow routes, alerts, decisions, waiting work."""

from grafana.src.names import INBOX, LOGS, ROUTES, TRACES, explore_logs, explore_traces
from grafana.src.panels import About, Panel, Query, graph, rows
from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue

WORK = ("Traces of the worker", explore_traces("stratum-worker"))
DECIDED = (
    "Log lines of decisions",
    explore_logs('{service_name="stratum-worker"} | event="automation_executed"'),
)


def slowest() -> Panel:
    """Which routes are slow, and do they matter."""
    buckets = f"sum by (le, endpoint) (increase(api_request_duration_seconds_bucket{{{ROUTES}}}[$__range]))"
    calls = f"sum by (endpoint) (increase(api_requests_total{{{ROUTES}}}[$__range]))"
    about = About(
        title="Top endpoints by latency",
        description="The ten slowest routes over the range shown, with how often they were called.",
        unit="s",
        links=[TRACES, LOGS],
    )
    # Routes that nobody called (NaN, 0) are left out. Joined and cut here, not by topk(): each query's own top ten
    # would be different routes.
    panel = rows(about, [Query(expr=f"histogram_quantile(0.95, {buckets}) >= 0"), Query(expr=f"{calls} > 0")])
    panel = _joined(panel, by="endpoint", named={"endpoint": "Route", "Value #A": "P95", "Value #B": "Calls"})
    panel = panel.sort_by([common.TableSortByFieldState().display_name("P95").desc(desc=True)])
    whole = [DynamicConfigValue(id_val="unit", value="short"), DynamicConfigValue(id_val="decimals", value=0)]
    return panel.override_by_name("Calls", whole)


def alerts() -> Panel:
    """What fires now."""
    about = About(
        title="Alerts that fire now",
        description="From Prometheus, before routing and silences; an alert's name opens its runbook.",
        unit="short",
        links=[("Notifications", INBOX)],
    )
    # The watchdog always fires (severity none). One row that says so, since an empty table could be a broken query.
    expr = (
        'count by (alertname, severity) (ALERTS{alertstate="firing",severity!="none"})'
        ' or label_replace(vector(0), "alertname", "none", "", "")'
    )
    panel = rows(about, [Query(expr=expr)])
    panel = panel.with_transformation(
        DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {"Time": True},
                "indexByName": {"alertname": 0, "severity": 1, "Value": 2},
                "renameByName": {"alertname": "Alert", "severity": "Severity", "Value": "How many"},
            },
        )
    )
    target = [{"title": "Runbook", "url": f"{INBOX}/runbooks/${{__value.raw}}", "targetBlank": True}]
    return panel.override_by_name("Alert", [DynamicConfigValue(id_val="links", value=target)])


def decisions() -> Panel:
    """What the trust gate decided."""
    rate = 'sum by (decision) (rate(trust_gate_decisions_total{tenant_id!="canary"}[$__rate_interval]))'
    about = About(
        title="Trust gate decisions a minute",
        description="What the trust gate decided for tenants' automations: pass, hold or block. The canary's are left out.",
        unit="suffix: /min",
        links=[DECIDED, WORK],
    )
    return graph(about, [Query(expr=f"60 * {rate}", legend="{{decision}}")], stacked=True)


def queue() -> Panel:
    """Whether the work keeps up."""
    about = About(
        title="Work that waits, and who does it",
        description="Messages in each Celery queue, and workers that answered a ping against those expected.",
        unit="short",
        links=[WORK, DECIDED],
    )
    queries = [
        Query(
            expr="sum by (queue) (max by (instance, queue) (celery_queue_length))",
            legend="waiting in {{queue}}",
        ),
        Query(expr="max(celery_queue_unacked)", legend="in a worker's hands"),
        Query(expr="max(celery_workers_active)", legend="workers that answer"),
        Query(expr="max(celery_workers_expected)", legend="workers expected"),
    ]
    return graph(about, queries)


def _joined(panel: table.Panel, *, by: str, named: dict[str, str]) -> table.Panel:
    """One row a value of `by`, a column a query, the ten largest first column first."""
    columns = [name for name in named.values() if name != named[by]]
    steps = [
        DataTransformerConfig(id_val="joinByField", options={"byField": by, "mode": "outer"}),
        DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {"Time": True, "Time 1": True, "Time 2": True},
                "indexByName": {name: index for index, name in enumerate(named)},
                "renameByName": named,
            },
        ),
        DataTransformerConfig(id_val="sortBy", options={"sort": [{"field": columns[0], "desc": True}]}),
        DataTransformerConfig(id_val="limit", options={"limitField": 10}),
    ]
    for step in steps:
        panel = panel.with_transformation(step)
    return panel
