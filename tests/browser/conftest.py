"""A headless Chromium, and an inbox alone with what our Alertmanager really sends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from launcher import browser
from playwright.sync_api import sync_playwright

from harness import local_inbox
from harness.plugin import ROOT
from unit.harness.local_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from harness.clients.http import Session

RENDERED = ROOT / "alertmanager" / "tests" / "rendered"
# In the order in which they would arrive: one incident is over, four are not.
STORY = (
    "one.firing.pagerduty",
    "one.firing.slack-platform",
    "one.resolved.pagerduty",
    "one.resolved.slack-platform",
    "watchdog.firing.watchdog",
    "info.firing.info",
    "customer.firing.slack-customer-health",
    "customer.firing.slack-platform",
    "many.firing.slack-platform",
    "many.firing.pagerduty",
    "flood.firing.pagerduty",
)

_RULE = {
    "name": "APIDown",
    "query": 'sum by (job) (up{job="stratum-api"}) == 0 or 0 * absent(up{job="stratum-api"})',
    "duration": 60,
    "state": "firing",
    "labels": {"severity": "critical", "team": "platform"},
    "annotations": {"summary": "Stratum is down for every tenant, the API does not answer"},
    "alerts": [
        {
            "labels": {"alertname": "APIDown", "job": "stratum-api", "severity": "critical"},
            "annotations": {
                "description": "0 targets of stratum-api answer their scrape, for at least a minute."
            },
            "state": "firing",
            "activeAt": "2026-03-01T10:00:00Z",
            "value": "0e+00",
        }
    ],
}
_VECTOR = {
    "status": "success",
    "data": {
        "resultType": "vector",
        "result": [
            {
                "metric": {"__name__": "up", "instance": f"172.18.0.{number}:9464", "job": "stratum-api"},
                "value": [1, "0"],
            }
            for number in (7, 8)
        ],
    },
}
_LINES = {
    "status": "success",
    "data": {
        "resultType": "streams",
        "result": [
            {
                "stream": {"service_name": "stratum-api", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"},
                "values": [
                    [
                        "1772359200000000000",
                        json.dumps(
                            {
                                "level": "error",
                                "event": "api_request",
                                "status_code": 500,
                                "endpoint": "/api/v1/campaigns",
                            }
                        ),
                    ]
                ],
            }
        ],
    },
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser; installed first where it is missing and may be installed.

    Not for the whole session: while it is driven, an event loop runs in this thread, and no other test may run one.
    """
    path = browser.ensure(print)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(browser.OPTIONS))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """An inbox that was told a story, beside a Prometheus and a Loki made of canned answers."""
    folder = tmp_path_factory.mktemp("inbox")
    answers: dict[str, object] = {
        "/api/v1/rules": {"status": "success", "data": {"groups": [{"rules": [_RULE]}]}},
        "/api/v1/query": _VECTOR,
        "/loki/api/v1/query_range": _LINES,
    }
    with (
        serving(**answers) as stores,
        local_inbox.serving(
            folder, INBOX_PROMETHEUS_URL=stores.address, INBOX_LOKI_URL=stores.address
        ) as session,
    ):
        for name in STORY:
            tell(session, name, folder / "secrets")
        yield session


def tell(session: Session, name: str, secrets: Path) -> None:
    """Post one rendered message, as Alertmanager would."""
    payload = json.loads((RENDERED / f"{name}.json").read_text())
    receiver = name.rpartition(".")[2]
    paths = {"info": "/webhook/info", "watchdog": "/webhook/watchdog", "pagerduty": "/v2/enqueue"}
    for channel in ("slack_platform", "slack_customer_health"):
        address = urlsplit((secrets / f"{channel}_url").read_text().strip())
        paths[channel.replace("_", "-")] = address.path
    if receiver == "pagerduty":
        payload["routing_key"] = (secrets / "pagerduty_routing_key").read_text().strip()
    answer = session.post(paths[receiver], json=payload)
    assert answer.ok, f"{name}: {answer.status_code} {answer.text}"
