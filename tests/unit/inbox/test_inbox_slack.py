"""What Slack's webhooks take and refuse, the inbox takes and refuses, in the same words."""

import pytest
from fastapi.testclient import TestClient

from unit.inbox.senders import CUSTOMER_HEALTH, PLATFORM, Json


def test_a_message_is_answered_ok_in_plain_text(inbox: TestClient, message: Json) -> None:
    response = inbox.post(PLATFORM, json=message)

    assert (response.status_code, response.text) == (200, "ok")
    assert response.headers["content-type"].startswith("text/plain")


def test_a_message_of_ours_is_understood(inbox: TestClient, message: Json) -> None:
    inbox.post(PLATFORM, json=message)

    [notification] = inbox.get("/api/v1/notifications").json()["notifications"]
    assert notification == notification | {
        "receiver": "slack-platform",
        "kind": "slack",
        "status": "firing",
        "alertname": "APIDown",
        "severity": "critical",
        "about": "job=stratum-api",
        "key": "alertname=APIDown,job=stratum-api",
        "summary": "Stratum is down, p95 > 1 s",
        "links": {
            "runbook": "http://links.test/runbooks/APIDown",
            "dashboard": "http://links.test/alerts/APIDown",
        },
        "payload": message,
    }


def test_the_other_channel_is_another_receiver_and_resolved_is_read_from_the_title(
    inbox: TestClient, message: Json
) -> None:
    message["attachments"][0]["title"] = "[RESOLVED: 2] APIDown (critical)"
    inbox.post(CUSTOMER_HEALTH, json=message)

    [notification] = inbox.get("/api/v1/notifications").json()["notifications"]
    assert (notification["receiver"], notification["status"]) == ("slack-customer-health", "resolved")


def test_anybodys_message_is_kept_too(inbox: TestClient) -> None:
    assert inbox.post(PLATFORM, json={"text": "hello"}).text == "ok"

    [notification] = inbox.get("/api/v1/notifications").json()["notifications"]
    assert (notification["summary"], notification["alertname"], notification["links"]) == ("hello", "", {})


@pytest.mark.parametrize(
    ("path", "status_code", "word"),
    [
        ("/services/TSTRATUM/BOTHER/platformtoken", 404, "no_service"),
        ("/services/TOTHER/BPLATFORM/platformtoken", 404, "no_service"),
        ("/services/TSTRATUM/BPLATFORM/healthtoken", 403, "invalid_token"),
        ("/services/TSTRATUM/BPLATFORM/%C3%A9", 403, "invalid_token"),
    ],
)
def test_an_unknown_webhook_is_refused(
    inbox: TestClient, message: Json, path: str, status_code: int, word: str
) -> None:
    response = inbox.post(path, json=message)

    assert (response.status_code, response.text) == (status_code, word)


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"[]", b'"text"', b'{"text": NaN}', b'{"text": "' + b"x" * 600_000]
)
def test_an_unreadable_message_is_an_invalid_payload(inbox: TestClient, body: bytes) -> None:
    response = inbox.post(PLATFORM, content=body, headers={"content-type": "application/json"})

    assert (response.status_code, response.text) == (400, "invalid_payload")


def test_json_that_does_not_say_it_is_json_is_an_invalid_payload(inbox: TestClient) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    response = inbox.post(PLATFORM, content=b'{"text": "hello"}', headers=form)

    assert (response.status_code, response.text) == (400, "invalid_payload")


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"text": ""},
        {"text": " "},
        {"text": 5},
        {"attachments": []},
        {"attachments": [{"color": "good"}, 7]},
    ],
)
def test_a_message_without_words_is_refused(inbox: TestClient, message: Json) -> None:
    response = inbox.post(PLATFORM, json=message)

    assert (response.status_code, response.text) == (400, "no_text")
    assert inbox.get("/api/v1/notifications").json() == {"notifications": []}


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ({"text": "x", "attachments": {"text": "x"}}, "invalid_attachments"),
        ({"attachments": [{"text": "x"}] * 101}, "too_many_attachments"),
        ({"blocks": {"type": "section"}}, "invalid_blocks"),
        ({"blocks": ["section"]}, "invalid_blocks"),
        ({"blocks": [{"text": "no type"}]}, "invalid_blocks"),
        ({"blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
    ],
)
def test_a_message_of_the_wrong_shape_is_refused(inbox: TestClient, message: Json, word: str) -> None:
    response = inbox.post(PLATFORM, json=message)

    assert (response.status_code, response.text) == (400, word)


def test_blocks_alone_are_a_message(inbox: TestClient) -> None:
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}

    assert inbox.post(PLATFORM, json={"blocks": [block]}).text == "ok"
