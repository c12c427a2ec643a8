"""An inbox with its own folder, keys and settings, and a Prometheus whose answers the test writes."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient

from inbox.app import create_app
from inbox.settings import Settings
from unit.inbox.senders import CUSTOMER_HEALTH, PLATFORM, ROUTING_KEY, Answer, Json, MakeInbox


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    runbooks = tmp_path / "runbooks"
    runbooks.mkdir()
    (tmp_path / "key").write_text(ROUTING_KEY + "\n")
    (tmp_path / "platform").write_text(f"http://inbox:8080{PLATFORM}\n")
    (tmp_path / "health").write_text(f"http://inbox:8080{CUSTOMER_HEALTH}\n")
    return Settings(
        database=tmp_path / "data" / "inbox.sqlite3",
        runbooks=runbooks,
        keep_per_receiver=5,
        pagerduty_key_file=tmp_path / "key",
        slack_platform_url_file=tmp_path / "platform",
        slack_customer_health_url_file=tmp_path / "health",
        watchdog_start_seconds=3600,
    )


@pytest.fixture
def make_inbox(settings: Settings) -> Iterator[MakeInbox]:
    """Start inboxes; ``answer`` is what Prometheus says, and without it Prometheus is down."""
    clients: list[TestClient] = []

    def start(answer: Answer | None = None) -> TestClient:
        def unreachable(request: httpx2.Request) -> httpx2.Response:
            raise httpx2.ConnectError("connection refused", request=request)

        app = create_app(settings, transport=httpx2.MockTransport(answer or unreachable))
        client = TestClient(app, raise_server_exceptions=False)
        client.__enter__()
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def inbox(make_inbox: MakeInbox) -> TestClient:
    return make_inbox()


@pytest.fixture
def event() -> Json:
    """An event as our Alertmanager sends it."""
    return {
        "routing_key": ROUTING_KEY,
        "event_action": "trigger",
        "dedup_key": "abc123",
        "client": "Stratum Alertmanager",
        "links": [
            {"href": "http://links.test/runbooks/APIDown", "text": "Runbook"},
            {"href": "http://links.test/alerts/APIDown", "text": "Dashboard"},
        ],
        "payload": {
            "summary": "Stratum is down",
            "source": "stratum-api",
            "severity": "critical",
            "class": "APIDown",
            "custom_details": {"alertname": "APIDown", "severity": "critical", "about": "job=stratum-api"},
        },
    }


@pytest.fixture
def message() -> Json:
    """A message as our Alertmanager sends it to Slack."""
    return {
        "channel": "#platform-alerts",
        "attachments": [
            {
                "callback_id": "alertname=APIDown,job=stratum-api",
                "title": "[FIRING] APIDown (critical)",
                "fallback": "[FIRING] APIDown (critical)",
                "text": "*Stratum is down, p95 &gt; 1 s*\n0 targets answer\n"
                "_job=stratum-api; since 2026-03-01 10:00:00 UTC_\n"
                "<http://links.test/runbooks/APIDown|Runbook>  <http://links.test/alerts/APIDown|Dashboard>\n",
            },
        ],
    }


@pytest.fixture
def webhook() -> Json:
    """A message as Alertmanager sends it to a webhook."""
    return {
        "version": "4",
        "groupKey": '{}/{alertname="Watchdog"}:{alertname="Watchdog"}',
        "status": "firing",
        "receiver": "watchdog",
        "groupLabels": {"alertname": "Watchdog"},
        "commonLabels": {"alertname": "Watchdog", "severity": "none"},
        "commonAnnotations": {
            "summary": "Alerting works",
            "runbook_url": "http://links.test/runbooks/Watchdog",
            "dashboard_url": "http://links.test/alerts/Watchdog",
        },
        "externalURL": "http://alertmanager.test",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "Watchdog"},
                "annotations": {},
                "startsAt": "2026-03-01T10:00:00Z",
                "endsAt": "0001-01-01T00:00:00Z",
            }
        ],
    }
