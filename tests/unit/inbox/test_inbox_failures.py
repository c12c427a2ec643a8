"""A receiver fails when a test asks for it: in its service's own words, so often and so long, and then no more."""

import asyncio

import pytest
from fastapi.testclient import TestClient

from inbox.failures import Failure, Failures
from unit.inbox.senders import PLATFORM, Json

URL = "/api/v1/failures"


def test_pagerduty_throttles_and_then_accepts(inbox: TestClient, event: Json) -> None:
    inbox.post(URL, json={"receiver": "pagerduty", "mode": "429", "times": 2, "retry_after": 7})

    answers = [inbox.post("/v2/enqueue", json=event) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [429, 429, 202]
    assert answers[0].headers["retry-after"] == "7"
    assert answers[0].json()["message"] == "Request Limit Exceeded"
    assert len(inbox.get("/api/v1/notifications").json()["notifications"]) == 1


@pytest.mark.parametrize(
    ("mode", "word"),
    [
        ("400", "invalid_payload"),
        ("403", "action_prohibited"),
        ("404", "channel_not_found"),
        ("410", "channel_is_archived"),
        ("429", "rate_limited"),
        ("500", "rollup_error"),
    ],
)
def test_slack_fails_in_slacks_words(inbox: TestClient, message: Json, mode: str, word: str) -> None:
    inbox.post(URL, json={"receiver": "slack-platform", "mode": mode})
    answer = inbox.post(PLATFORM, json=message)

    assert (answer.status_code, answer.text) == (int(mode), word)


def test_one_receiver_fails_and_the_others_do_not(
    inbox: TestClient, event: Json, message: Json, webhook: Json
) -> None:
    inbox.post(URL, json={"receiver": "watchdog", "mode": "500", "times": 5})

    assert inbox.post("/webhook/watchdog", json=webhook).status_code == 500
    assert inbox.post("/webhook/info", json=webhook).status_code == 200
    assert inbox.post("/v2/enqueue", json=event).status_code == 202
    assert inbox.post(PLATFORM, json=message).status_code == 200


def test_a_slow_receiver_works_after_its_delay(inbox: TestClient, event: Json) -> None:
    inbox.post(URL, json={"receiver": "pagerduty", "mode": "slow", "delay": 0.2})
    answer = inbox.post("/v2/enqueue", json=event)

    assert answer.status_code == 202
    assert answer.elapsed.total_seconds() >= 0.2


def test_what_was_asked_for_can_be_seen_and_taken_back(inbox: TestClient, event: Json) -> None:
    inbox.post(URL, json={"receiver": "pagerduty", "mode": "500", "times": 9})
    inbox.post("/v2/enqueue", json=event)

    [pending] = inbox.get(URL).json()["failures"]
    assert (pending["receiver"], pending["mode"], pending["times"]) == ("pagerduty", "500", 8)

    assert inbox.delete(URL).json() == {"failures": []}
    assert inbox.post("/v2/enqueue", json=event).status_code == 202


def test_a_failure_ends_with_its_time(event: Json) -> None:  # noqa: ARG001
    now = 100.0
    failures = Failures(clock=lambda: now)
    failures.ask(Failure(receiver="pagerduty", mode="500", times=1000, seconds=10))

    assert failures.pending()
    now = 110.1
    assert failures.pending() == []
    assert asyncio.run(failures.meet("pagerduty", None)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wish",
    [
        {"receiver": "pager", "mode": "500"},
        {"receiver": "pagerduty", "mode": "418"},
        {"receiver": "pagerduty"},
        {"receiver": "pagerduty", "mode": "500", "times": 0},
        {"receiver": "pagerduty", "mode": "500", "times": 1001},
        {"receiver": "pagerduty", "mode": "500", "seconds": 601},
        {"receiver": "pagerduty", "mode": "slow", "delay": 31},
    ],
)
def test_a_wish_without_bounds_is_refused(inbox: TestClient, wish: Json) -> None:
    assert inbox.post(URL, json=wish).status_code == 422
    assert inbox.get(URL).json() == {"failures": []}
