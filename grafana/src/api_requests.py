"""What users ask of the API and get: rate, errors, duration."""

from grafana.src.names import FAILED, LOGS, ROUTES, TRACES, runbook
from grafana.src.panels import About, Levels, Panel, Query, graph, number

ERROR_LEVELS = Levels(warning=0.001, critical=0.05)
"""What the availability SLO allows; a share that would spend a month's budget in 15 hours."""

LATENCY_LEVELS = Levels(warning=0.5, critical=1.0)
"""The latency SLO; twice that."""

API_DOWN = ("Runbook APIDown", runbook("APIDown"))


def per_minute() -> Panel:
    """How much is asked."""
    about = About(
        title="Requests a minute",
        description="Users' requests over the last five minutes.",
        unit="suffix: /min",
        links=[LOGS, API_DOWN],
    )
    return number(about, Query(expr="60 * sum(job:api_requests:rate5m)"), no_value="no requests", decimals=0)


def against_yesterday() -> Panel:
    """How much against a day ago."""
    now, then = "sum(job:api_requests:rate5m)", "sum(job:api_requests:rate5m offset 1d)"
    about = About(
        title="Against yesterday",
        description="Requests now against the same time yesterday; the first day of a stack has no yesterday.",
        unit="percentunit",
        links=[LOGS, API_DOWN],
    )
    # NaN, shown in words, when there is nothing to compare with: an empty answer could also be a broken query
    expr = f"({now} / {then} - 1) or 0 * {now} / 0"
    return number(about, Query(expr=expr), no_value="no yesterday", decimals=0)


def error_rate() -> Panel:
    """How much of it fails."""
    about = About(
        title="Error rate",
        description=(
            "The share of users' requests answered with 5xx over five minutes. Green is below 0.1 %, what the "
            "availability SLO allows; red is above 5 %."
        ),
        unit="percentunit",
        links=[FAILED, TRACES],
    )
    query = Query(expr="max(job:api_errors:ratio_rate5m)")
    return number(about, query, levels=ERROR_LEVELS, no_value="no requests", decimals=2)


def p95() -> Panel:
    """How long it takes."""
    about = About(
        title="P95 latency",
        description=(
            "95 of 100 requests of the last five minutes took no longer. Green is below 500 ms, the latency SLO; red "
            "is above one second. The buckets end at 5 s: a longer time reads as 5 s."
        ),
        unit="s",
        links=[TRACES, LOGS],
    )
    query = Query(expr="max(job:api_request_duration_seconds:p95_5m)")
    return number(about, query, levels=LATENCY_LEVELS, no_value="no requests", decimals=0)


def answering() -> Panel:
    """Whether anybody answers."""
    about = About(
        title="Processes that answer",
        description="API processes whose last scrape succeeded. At 0 for a minute, APIDown pages.",
        unit="short",
        links=[API_DOWN],
    )
    levels = Levels(warning=1, critical=1, low_is_bad=True)
    expr = 'sum(up{job="stratum-api"}) or vector(0)'
    return number(about, Query(expr=expr), levels=levels, no_value="none", decimals=0)


def requests() -> Panel:
    """The rate over time."""
    by_class = f'label_replace(rate(api_requests_total{{{ROUTES}}}[$__rate_interval]), "class", "${{1}}xx", "status_code", "(.)..")'
    about = About(
        title="Requests per second, by kind of answer",
        description="Users' requests of the chosen routes. 4xx are answers to bad requests and cost no error budget.",
        unit="reqps",
        links=[LOGS, TRACES],
    )
    return graph(about, [Query(expr=f"sum by (class) ({by_class})", legend="{{class}}")], stacked=True)


def error_share() -> Panel:
    """The errors over time."""
    requests = f"sum(rate(api_requests_total{{{ROUTES}}}[$__rate_interval]))"
    failed = f'sum(rate(api_requests_total{{{ROUTES},status_code=~"5.."}}[$__rate_interval]))'
    about = About(
        title="Share of requests that failed",
        description="5xx among the requests of the chosen routes; dashed lines at the SLO's 0.1 % and the alert's 5 %.",
        unit="percentunit",
        links=[FAILED, TRACES],
    )
    query = Query(expr=f"({failed} or 0 * {requests}) / {requests}", legend="5xx")
    return graph(about, [query], levels=ERROR_LEVELS)


def latency() -> Panel:
    """The duration over time, with exemplars."""
    buckets = f"sum by (le) (rate(api_request_duration_seconds_bucket{{{ROUTES}}}[$__rate_interval]))"
    about = About(
        title="Latency of all routes together",
        description="A point is one request: choose it to open its trace. Dashed lines at 500 ms and 1 s.",
        unit="s",
        links=[TRACES, LOGS],
    )
    quantiles = [("0.5", "median"), ("0.95", "P95"), ("0.99", "P99")]
    queries = [
        Query(expr=f"histogram_quantile({share}, {buckets})", legend=name, exemplars=share == "0.95")
        for share, name in quantiles
    ]
    return graph(about, queries, levels=LATENCY_LEVELS)


def latency_by_route() -> Panel:
    """The duration of each route."""
    buckets = (
        f"sum by (le, endpoint) (rate(api_request_duration_seconds_bucket{{{ROUTES}}}[$__rate_interval]))"
    )
    about = About(
        title="P95 latency, by route",
        description="Which route makes the API slow. A route with little traffic jumps: look at its calls below.",
        unit="s",
        links=[TRACES, LOGS],
    )
    return graph(about, [Query(expr=f"histogram_quantile(0.95, {buckets})", legend="{{endpoint}}")])
