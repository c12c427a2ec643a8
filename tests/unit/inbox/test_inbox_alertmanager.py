"""Alertmanager's webhook, format 4, for the receivers watchdog and info."""

import json

import pytest
from fastapi.testclient import TestClient

from unit.inbox.senders import Json


@pytest.mark.parametrize("receiver", ["watchdog", "info"])
def test_a_message_is_kept_under_its_receiver(inbox: TestClient, webhook: Json, receiver: str) -> None:
    assert inbox.post(f"/webhook/{receiver}", json=webhook).status_code == 200

    [notification] = inbox.get("/api/v1/notifications").json()["notifications"]
    assert notification == notification | {
        "receiver": receiver,
        "kind": "alertmanager",
        "status": "firing",
        "alertname": "Watchdog",
        "severity": "none",
        "key": webhook["groupKey"],
        "summary": "Alerting works",
        "links": {
            "runbook": "http://links.test/runbooks/Watchdog",
            "dashboard": "http://links.test/alerts/Watchdog",
        },
        "payload": webhook,
    }


def test_another_receiver_does_not_exist(inbox: TestClient, webhook: Json) -> None:
    assert inbox.post("/webhook/null", json=webhook).status_code == 404


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"version": "3"}, "'version' is not \"4\""),
        ({"status": "suppressed"}, "'status' is neither firing nor resolved"),
        ({"status": ["firing"]}, "'status' is neither firing nor resolved"),
        ({"groupKey": ""}, "'groupKey' is missing or blank"),
        ({"alerts": []}, "'alerts' is not a list of alerts"),
        ({"alerts": ["APIDown"]}, "'alerts' is not a list of alerts"),
        ({"alerts": [{"status": "firing"}]}, "'alerts' is not a list of alerts"),
        ({"receiver": None}, "'receiver' is missing or blank"),
        ({"commonLabels": None}, "'commonLabels' is not an object"),
        ({"commonAnnotations": "x"}, "'commonAnnotations' is not an object"),
    ],
)
def test_another_format_is_refused_with_its_error(
    inbox: TestClient, webhook: Json, change: Json, error: str
) -> None:
    response = inbox.post("/webhook/info", json=webhook | change)

    assert response.status_code == 400
    assert response.json() == {"status": "error", "errors": [error]}


@pytest.mark.parametrize(("body", "status_code"), [(b"nonsense", 400), (b" " * 524_289, 413)])
def test_what_cannot_be_read_is_refused(inbox: TestClient, body: bytes, status_code: int) -> None:
    headers = {"content-type": "application/json"}
    assert inbox.post("/webhook/info", content=body, headers=headers).status_code == status_code
    assert inbox.get("/api/v1/notifications").json() == {"notifications": []}


def test_what_does_not_say_that_it_is_json_is_refused(inbox: TestClient, webhook: Json) -> None:
    response = inbox.post("/webhook/info", content=json.dumps(webhook))

    assert response.status_code == 400
    assert response.json()["errors"] == ["content type missing, and not application/json"]
