"""Dashboards in Python, because a panel said once cannot drift from its twin.

`python -m grafana.src` writes them to grafana/dashboards; the JSON is committed, and a test regenerates and compares.

    names         datasources, selectors and addresses that several dashboards share
    panels        the few kinds of panel we use, each with a title, a unit, a description and a link
    api_overview  is the API well, and if not, where to look; its panels are in
    api_requests  what users ask and get: rate, errors, duration
    api_behind    what is behind that: slow routes, alerts, decisions, waiting work
    boards        all dashboards, and how they are written
"""

import warnings

# The SDK's classic dashboards warn at import that a newer schema exists. Files provisioned into Grafana 13 are still
# of the classic schema, so the warning is expected; any other one is not silenced.
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Prefer using dashboardv2", category=DeprecationWarning)
    import grafana_foundation_sdk.builders.dashboard
    import grafana_foundation_sdk.builders.prometheus
    import grafana_foundation_sdk.models.dashboard  # noqa: F401
