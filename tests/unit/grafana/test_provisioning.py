"""What Grafana is provisioned with: stable uids, and links from each kind of signal to the others."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

PROVISIONING = Path(__file__).parents[3] / "grafana" / "provisioning"


@pytest.fixture(scope="module")
def sources() -> dict[str, dict]:
    """The data sources, by uid."""
    content = yaml.safe_load((PROVISIONING / "datasources" / "datasources.yml").read_text(encoding="utf-8"))
    return {source["uid"]: source for source in content["datasources"]}


def test_data_sources_have_the_uids_that_dashboards_and_links_name(sources: dict) -> None:
    assert {"prometheus", "loki", "jaeger", "alertmanager"} == set(sources)
    assert all(uid == source["type"] for uid, source in sources.items())


def test_no_data_source_can_be_edited_in_the_browser(sources: dict) -> None:
    assert {source["editable"] for source in sources.values()} == {False}


def test_an_exemplar_leads_to_its_trace_in_grafana_and_in_jaeger(sources: dict) -> None:
    inside, outside = sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]

    assert (inside["name"], inside["datasourceUid"]) == ("trace_id", "jaeger")
    assert outside["name"] == "trace_id"
    assert outside["url"] == "$STRATUM_JAEGER_URL/trace/$${__value.raw}"


def test_a_log_line_leads_to_its_trace(sources: dict) -> None:
    (field,) = sources["loki"]["jsonData"]["derivedFields"]

    assert (field["matcherType"], field["matcherRegex"]) == ("label", "^trace_id$")
    assert (field["datasourceUid"], field["url"]) == ("jaeger", "$${__value.raw}")


def test_a_trace_leads_to_its_log_lines_by_labels_that_loki_has(sources: dict) -> None:
    to_logs = sources["jaeger"]["jsonData"]["tracesToLogsV2"]
    loki = (PROVISIONING.parents[1] / "loki" / "loki.yml").read_text(encoding="utf-8")

    assert to_logs["datasourceUid"] == "loki"
    assert to_logs["query"] == '{service_namespace="stratum"} | trace_id="$${__trace.traceId}"'
    assert "service.namespace" in loki, "the label of the query is no longer an index label"


def test_grafana_shows_the_alerts_of_prometheus_and_has_none_of_its_own(sources: dict) -> None:
    settings = sources["alertmanager"]["jsonData"]

    assert settings == {"implementation": "prometheus", "handleGrafanaManagedAlerts": False}


def test_dashboards_come_from_git_and_cannot_be_saved_over() -> None:
    content = yaml.safe_load((PROVISIONING / "dashboards" / "dashboards.yml").read_text(encoding="utf-8"))
    (provider,) = content["providers"]

    assert provider["options"]["path"] == "/etc/grafana/dashboards"
    assert provider["allowUiUpdates"] is False
    assert provider["disableDeletion"] is True
