"""What our Alertmanager really sends is accepted and understood: the messages of alertmanager/tests/rendered."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from unit.inbox.senders import CUSTOMER_HEALTH, PLATFORM, ROUTING_KEY, Json

RENDERED = Path(__file__).parents[3] / "alertmanager" / "tests" / "rendered"
SAMPLES = sorted(RENDERED.glob("*.json"))
PATHS = {
    "pagerduty": "/v2/enqueue",
    "slack-platform": PLATFORM,
    "slack-customer-health": CUSTOMER_HEALTH,
    "info": "/webhook/info",
    "watchdog": "/webhook/watchdog",
}
ALERTS = {
    "one": ("APIDown", "critical", "job=stratum-api"),
    "flood": ("DatabaseDown", "critical", "job=postgres"),
    "many": ("AlertmanagerNotificationsFailing", "critical", "integration=pagerduty"),
    "customer": ("SignalHealthDegraded", "warning", "tenant_id=acme"),
    "info": ("RedisMaxmemoryUnset", "info", "role=broker"),
    "watchdog": ("Watchdog", "none", ""),
    "bare": ("Bare", "", "the whole platform"),
}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_real_message_is_understood(inbox: TestClient, sample: Path) -> None:
    case, step, receiver = sample.stem.split(".")
    payload: Json = json.loads(sample.read_text())
    if receiver == "pagerduty":
        payload["routing_key"] = ROUTING_KEY

    assert inbox.post(PATHS[receiver], json=payload).is_success

    [kept] = inbox.get("/api/v1/notifications").json()["notifications"]
    alertname, severity, about = ALERTS[case]
    assert (kept["receiver"], kept["alertname"], kept["severity"]) == (receiver, alertname, severity)
    assert kept["status"] == ("resolved" if step == "resolved" else "firing")
    assert about in kept["about"]
    assert kept["summary"]
    if case != "bare":
        assert kept["links"]["runbook"].endswith(f"/runbooks/{alertname}")
        assert kept["links"]["dashboard"].endswith(f"/alerts/{alertname}")
