"""API Overview: is the API well for its users, and if not, where to look.

From the top: five numbers for now, what users ask and get over time, who is slow, what has fired, what the trust
gate decided, and whether the work behind it keeps up.
"""

from grafana.src.api_behind import alerts, decisions, queue, slowest
from grafana.src.api_requests import (
    against_yesterday,
    answering,
    error_rate,
    error_share,
    latency,
    latency_by_route,
    p95,
    per_minute,
    requests,
)
from grafana.src.names import INBOX, LOGS, PROMETHEUS, TRACES, USERS_REQUESTS
from grafana.src.panels import link, place
from grafana_foundation_sdk.builders import dashboard, prometheus
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    VariableHide,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

UID = "api-overview"


def build() -> Dashboard:
    """The dashboard, ready to be written."""
    board = (
        dashboard.Dashboard("API Overview")
        .uid(UID)
        .description(
            "Is the API well for its users, and if not, where to look. Canary, probes and scrapes are left out."
        )
        .tags(["stratum", "api"])
        .time("now-24h", "now")
        .refresh("30s")
        .timezone("browser")
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
    )
    for variable in _variables():
        board = board.with_variable(variable)
    for words, address in (LOGS, TRACES, ("Notifications and runbooks", INBOX)):
        board = board.link(link(words, address))
    board = board.annotation(_fired())
    place(
        [
            (
                4,
                [
                    (5, per_minute()),
                    (4, against_yesterday()),
                    (5, error_rate()),
                    (5, p95()),
                    (5, answering()),
                ],
            ),
            (8, [(16, requests()), (8, error_share())]),
            (8, [(12, latency()), (12, latency_by_route())]),
            (9, [(14, slowest()), (10, alerts())]),
            (8, [(12, decisions()), (12, queue())]),
        ],
        board.with_panel,
    )
    return board.build()


def _variables() -> list[dashboard.DatasourceVariable | dashboard.QueryVariable | dashboard.TextBoxVariable]:
    every = VariableOption(selected=True, text=["All"], value=["$__all"])
    return [
        dashboard.DatasourceVariable("datasource")
        .label("Metrics from")
        .type("prometheus")
        .current(VariableOption(selected=True, text="Prometheus", value="prometheus")),
        dashboard.QueryVariable("endpoint")
        .label("Route")
        .datasource(PROMETHEUS)
        .query(f"label_values(api_requests_total{{{USERS_REQUESTS}}}, endpoint)")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(every),
        dashboard.TextBoxVariable("inbox")
        .label("Address of the inbox")
        .description(
            "Where links to runbooks and notifications lead. Another INBOX_PORT: add var-inbox=... to the address."
        )
        .default_value("http://127.0.0.1:8025")
        .hide(VariableHide.HIDE_VARIABLE),
    ]


def _fired() -> dashboard.AnnotationQuery:
    firing = 'ALERTS{alertstate="firing",severity!="none"}'
    target = prometheus.Dataquery().ref_id("Anno").datasource(PROMETHEUS).expr(firing).range()
    return (
        dashboard.AnnotationQuery()
        .name("Alerts that fired")
        .datasource(PROMETHEUS)
        .enable(enable=True)
        .icon_color("red")
        .target(target)
        .expr(firing)
        .title_format("{{alertname}}")
        .text_format("{{severity}}")
    )
