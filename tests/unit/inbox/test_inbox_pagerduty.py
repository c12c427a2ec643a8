"""What PagerDuty takes and refuses, the inbox takes and refuses, in the same words."""

import json

import pytest
from fastapi.testclient import TestClient

from unit.inbox.senders import ROUTING_KEY, Json

URL = "/v2/enqueue"
JSON = {"content-type": "application/json; charset=utf-8"}


def kept(inbox: TestClient) -> list[Json]:
    notifications: list[Json] = inbox.get("/api/v1/notifications").json()["notifications"]
    return notifications


def test_a_trigger_is_accepted_and_kept_as_firing(inbox: TestClient, event: Json) -> None:
    response = inbox.post(URL, json=event)

    assert response.status_code == 202
    assert response.json() == {"status": "success", "message": "Event processed", "dedup_key": "abc123"}
    [notification] = kept(inbox)
    assert notification["received_at"] > 1_700_000_000
    assert notification["id"] == 1
    assert notification == notification | {
        "receiver": "pagerduty",
        "kind": "pagerduty",
        "status": "firing",
        "alertname": "APIDown",
        "severity": "critical",
        "about": "job=stratum-api",
        "key": "abc123",
        "summary": "Stratum is down",
        "links": {
            "runbook": "http://links.test/runbooks/APIDown",
            "dashboard": "http://links.test/alerts/APIDown",
        },
    }


def test_the_routing_key_is_checked_and_not_kept(inbox: TestClient, event: Json) -> None:
    inbox.post(URL, json=event)

    [notification] = kept(inbox)
    assert notification["payload"] == event | {"routing_key": "(checked, not kept)"}
    assert ROUTING_KEY not in inbox.get("/").text


@pytest.mark.parametrize(("action", "status"), [("resolve", "resolved"), ("acknowledge", "acknowledged")])
def test_other_actions_need_a_dedup_key_and_no_payload(inbox: TestClient, action: str, status: str) -> None:
    event = {"routing_key": ROUTING_KEY, "event_action": action, "dedup_key": "abc123"}

    assert inbox.post(URL, json=event).status_code == 202
    assert [status] == [each["status"] for each in kept(inbox)]

    refused = inbox.post(URL, json=event | {"dedup_key": None})
    assert refused.status_code == 400
    assert refused.json()["errors"] == ["'dedup_key' is missing or blank"]


def test_a_trigger_without_a_dedup_key_is_given_one(inbox: TestClient, event: Json) -> None:
    del event["dedup_key"]
    keys = {inbox.post(URL, json=event).json()["dedup_key"] for _ in range(2)}

    assert len(keys) == 2
    assert keys == {each["key"] for each in kept(inbox)}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"routing_key": None}, "'routing_key' is missing or blank"),
        ({"routing_key": 5}, "'routing_key' is missing or blank"),
        ({"routing_key": "short"}, "Length of 'routing_key' is incorrect (should be 32 characters)"),
        (
            {"routing_key": "${PAGERDUTY_KEY}" * 2},
            "'routing_key' cannot contain non-alphanumeric characters.",
        ),
        ({"routing_key": "é" * 32}, "'routing_key' cannot contain non-alphanumeric characters."),
        ({"routing_key": "f" * 32}, "Invalid routing key"),
        ({"event_action": ""}, "'event_action' is missing or blank"),
        (
            {"event_action": "page"},
            "'event_action' is invalid (should be 'trigger', 'acknowledge' or 'resolve')",
        ),
        ({"dedup_key": 7}, "'dedup_key' is not a string"),
        ({"dedup_key": "k" * 256}, "Length of 'dedup_key' is incorrect (should be at most 255 characters)"),
        ({"payload": None}, "'payload' is missing or blank"),
        ({"payload": "down"}, "'payload' is missing or blank"),
        ({"links": {"href": "x"}}, "'links' is invalid (should be a list of objects with 'href')"),
        ({"images": [{"alt": "no address"}]}, "'images' is invalid (should be a list of objects with 'src')"),
        ({"links": [{"text": "no address"}]}, "'links' is invalid (should be a list of objects with 'href')"),
    ],
)
def test_an_invalid_event_is_refused_with_its_error(
    inbox: TestClient, event: Json, change: Json, error: str
) -> None:
    response = inbox.post(URL, json=event | change)

    assert response.status_code == 400
    assert response.json() == {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": [error],
    }
    assert kept(inbox) == []


@pytest.mark.parametrize("name", ["summary", "source", "severity"])
@pytest.mark.parametrize("value", [None, "", 3])
def test_a_trigger_needs_summary_source_and_severity(
    inbox: TestClient, event: Json, name: str, value: object
) -> None:
    event["payload"][name] = value
    response = inbox.post(URL, json=event)

    assert response.status_code == 400
    assert response.json()["errors"] == [f"'payload.{name}' is missing or blank"]


def test_a_severity_of_ours_that_pagerduty_does_not_know_is_refused(inbox: TestClient, event: Json) -> None:
    event["payload"]["severity"] = "none"
    response = inbox.post(URL, json=event)

    assert response.status_code == 400
    assert response.json()["errors"] == [
        "'payload.severity' is invalid (should be one of critical, error, warning, info)"
    ]


def test_all_errors_are_told_at_once(inbox: TestClient) -> None:
    assert len(inbox.post(URL, json={"links": 1}).json()["errors"]) == 3


NOT_A_JSON_OBJECT = {
    "empty": b"",
    "half": b'{"routing_key": ',
    "a list": b"[]",
    "NaN": b'{"payload": NaN}',
    "infinite": b'{"payload": 1e999}',
    "half a character": rb'{"summary": "\ud800"}',
    "not UTF-8": b'{"summary": "\xff"}',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("body", NOT_A_JSON_OBJECT.values(), ids=NOT_A_JSON_OBJECT)
def test_what_is_no_json_object_is_unrecognized(inbox: TestClient, body: bytes) -> None:
    response = inbox.post(URL, content=body, headers=JSON)

    assert response.status_code == 400
    assert response.json() == {
        "status": "Unrecognized object",
        "message": "Event object format is unrecognized",
        "errors": ["JSON parse error"],
    }
    assert kept(inbox) == []


def test_an_event_of_512_kb_is_accepted_and_a_larger_one_refused(inbox: TestClient, event: Json) -> None:
    event["payload"]["custom_details"]["filling"] = ""
    filling = "x" * (512 * 1024 - len(json.dumps(event)))
    event["payload"]["custom_details"]["filling"] = filling

    assert inbox.post(URL, content=json.dumps(event), headers=JSON).status_code == 202
    refused = inbox.post(URL, content=json.dumps(event) + " ", headers=JSON)
    assert refused.status_code == 413
    assert refused.json()["message"] == "Event object is invalid"
    assert len(kept(inbox)) == 1


def test_a_link_that_is_no_web_address_is_not_offered(inbox: TestClient, event: Json) -> None:
    event["links"] = [
        {"href": "javascript:alert(1)", "text": "Runbook"},
        {"href": "http://[", "text": "Dashboard"},
        {"href": "https://example.test/x", "text": "Something else"},
        {"href": "https://example.test/x"},
    ]
    assert inbox.post(URL, json=event).status_code == 202

    assert kept(inbox)[0]["links"] == {}


def test_the_class_names_the_alert_when_no_detail_does(inbox: TestClient, event: Json) -> None:
    event["payload"]["custom_details"] = None
    inbox.post(URL, json=event)

    assert kept(inbox)[0]["alertname"] == "APIDown"


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_an_event_that_does_not_say_that_it_is_json_is_unrecognized(
    inbox: TestClient, event: Json, content_type: str | None
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    response = inbox.post(URL, content=json.dumps(event), headers=headers)

    assert response.status_code == 400
    assert response.json()["status"] == "Unrecognized object"
    assert kept(inbox) == []


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (
            {"summary": "x" * 1025},
            "Length of 'payload.summary' is incorrect (should be at most 1024 characters)",
        ),
        ({"timestamp": "yesterday"}, "'payload.timestamp' is not a valid ISO 8601 date-time"),
        ({"timestamp": 1700000000}, "'payload.timestamp' is not a valid ISO 8601 date-time"),
        ({"component": ["api"]}, "'payload.component' is not a string"),
        ({"class": 5}, "'payload.class' is not a string"),
    ],
)
def test_what_pagerduty_would_not_show_is_refused(
    inbox: TestClient, event: Json, change: Json, error: str
) -> None:
    response = inbox.post(URL, json=event | {"payload": event["payload"] | change})

    assert response.status_code == 400
    assert response.json()["errors"] == [error]


def test_the_longest_summary_and_a_moment_are_accepted(inbox: TestClient, event: Json) -> None:
    event["payload"] |= {"summary": "x" * 1024, "timestamp": "2026-03-01T10:00:00.000+00:00"}

    assert inbox.post(URL, json=event).status_code == 202
