"""The API that tests use to ask what arrived, and the store behind it."""

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from inbox.notifications import Received
from inbox.settings import Settings
from inbox.store import Filter, Store
from unit.inbox.senders import PLATFORM, Json, MakeInbox


def received(number: int) -> Received:
    return Received(
        receiver="pagerduty",
        kind="pagerduty",
        status="firing",
        alertname="A",
        severity="critical",
        about="",
        key=str(number),
        summary="",
        links={},
        payload={"number": number},
    )


def ids(inbox: TestClient, **query: str | float) -> list[int]:
    response = inbox.get("/api/v1/notifications", params=query)
    assert response.status_code == 200, response.text
    return [notification["id"] for notification in response.json()["notifications"]]


@pytest.fixture
def filled(inbox: TestClient, event: Json, message: Json, webhook: Json) -> TestClient:
    """Four notifications: a page, its message, its resolve, a Watchdog."""
    inbox.post("/v2/enqueue", json=event)
    inbox.post(PLATFORM, json=message)
    inbox.post("/v2/enqueue", json=event | {"event_action": "resolve"})
    inbox.post("/webhook/watchdog", json=webhook)
    return inbox


def test_notifications_come_oldest_first(filled: TestClient) -> None:
    assert ids(filled) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"alertname": "APIDown"}, [1, 2, 3]),
        ({"alertname": "apidown"}, []),
        ({"alertname": "' OR 1=1 --"}, []),
        ({"receiver": "pagerduty"}, [1, 3]),
        ({"receiver": "slack-platform"}, [2]),
        ({"receiver": "info"}, []),
        ({"status": "resolved"}, [3]),
        ({"status": "firing", "receiver": "pagerduty"}, [1]),
        ({"limit": 2}, [3, 4]),
    ],
)
def test_a_filter_leaves_the_rest_out(filled: TestClient, query: Json, found: list[int]) -> None:
    assert ids(filled, **query) == found


def test_since_includes_its_own_moment(filled: TestClient) -> None:
    third = filled.get("/api/v1/notifications").json()["notifications"][2]

    assert ids(filled, since=third["received_at"]) == [3, 4]
    assert ids(filled, since=third["received_at"] + 3600) == []


@pytest.mark.parametrize(
    "query",
    [
        {"receiver": "pager"},
        {"status": "on"},
        {"since": "today"},
        {"since": "nan"},
        {"limit": 0},
        {"limit": 10_001},
    ],
)
def test_a_misspelt_filter_is_an_error_and_not_an_empty_list(inbox: TestClient, query: Json) -> None:
    assert inbox.get("/api/v1/notifications", params=query).status_code == 422


def test_only_the_newest_of_each_receiver_are_kept(inbox: TestClient, event: Json, webhook: Json) -> None:
    inbox.post("/v2/enqueue", json=event)
    for _ in range(12):
        inbox.post("/webhook/watchdog", json=webhook)

    assert ids(inbox, receiver="pagerduty") == [1]  # the Watchdog pushes no page out
    assert ids(inbox, receiver="watchdog") == [9, 10, 11, 12, 13]  # the settings of these tests keep 5


def test_notifications_survive_a_restart(make_inbox: MakeInbox, event: Json) -> None:
    make_inbox().post("/v2/enqueue", json=event)

    assert ids(make_inbox()) == [1]


def test_notifications_that_arrive_at_once_are_all_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "inbox.sqlite3", keep=100, clock=lambda: 5.0)

    async def add_all() -> None:
        await asyncio.gather(*(store.add(received(number)) for number in range(100)))

    asyncio.run(add_all())
    found = asyncio.run(store.read(Filter(limit=1000)))
    store.close()

    assert {each.key for each in found} == {str(number) for number in range(100)}
    assert {each.received_at for each in found} == {5.0}


def test_a_database_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("")

    with pytest.raises(sqlite3.OperationalError, match=r"blocked/inbox\.sqlite3"):
        Store(blocked / "inbox.sqlite3", keep=1)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "inbox.sqlite3"
    file.write_text("not a database, but long enough to be read as the header of one" * 20)

    with pytest.raises(sqlite3.OperationalError, match=r"inbox\.sqlite3"):
        Store(file, keep=1)


def test_health_answers_while_the_database_does(inbox: TestClient) -> None:
    assert inbox.get("/health").json() == {"status": "ok"}


def test_metrics_start_at_zero_and_count_notifications_and_answers(inbox: TestClient, event: Json) -> None:
    series = 'inbox_notifications_total{kind="pagerduty",receiver="pagerduty",status="firing"}'
    assert f"{series} 0.0" in inbox.get("/metrics").text

    inbox.post("/v2/enqueue", json=event)
    inbox.post("/v2/enqueue", json={})
    inbox.get("/no/such/page")

    page = inbox.get("/metrics").text
    assert f"{series} 1.0" in page
    assert 'inbox_requests_total{endpoint="/v2/enqueue",status_code="202"} 1.0' in page
    assert 'inbox_requests_total{endpoint="/v2/enqueue",status_code="400"} 1.0' in page
    assert 'inbox_requests_total{endpoint="unmatched",status_code="404"} 1.0' in page


def test_no_webhook_token_becomes_a_label(inbox: TestClient, message: Json) -> None:
    inbox.post(PLATFORM, json=message)

    page = inbox.get("/metrics").text
    assert 'inbox_requests_total{endpoint="/services/{team}/{service}/{token}",status_code="200"} 1.0' in page
    assert "platformtoken" not in page


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INBOX_PROMETHEUS_URL", "http://elsewhere:1234")
    monkeypatch.setenv("INBOX_KEEP_PER_RECEIVER", "7")

    settings = Settings()

    assert str(settings.prometheus_url) == "http://elsewhere:1234/"
    assert settings.keep_per_receiver == 7


def test_a_file_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "inbox.sqlite3"
    store = Store(file, keep=5)
    asyncio.run(store.add(received(1)))
    store.close()
    with sqlite3.connect(file) as connection:
        for column in ("severity", "about"):
            connection.execute(f"ALTER TABLE notifications DROP COLUMN {column}")

    store = Store(file, keep=5)
    asyncio.run(store.add(received(2)))
    found = asyncio.run(store.read(Filter()))
    store.close()

    assert [(each.key, each.severity) for each in found] == [("1", ""), ("2", "critical")]


def test_the_file_stops_growing_when_its_bound_is_reached(tmp_path: Path) -> None:
    """Pages that are given up are used again, so the disk is bounded as the rows are."""
    file = tmp_path / "inbox.sqlite3"
    store = Store(file, keep=20)
    large = [replace(received(number), summary="x" * 1000) for number in range(200)]

    async def add_all() -> None:
        for each in large:
            await store.add(each)

    sizes = []
    for _ in range(3):
        asyncio.run(add_all())
        sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
    store.close()

    assert sizes[2] == sizes[1]


def test_the_api_describes_itself(inbox: TestClient) -> None:
    paths = inbox.get("/openapi.json").json()["paths"]

    assert {"/api/v1/notifications", "/api/v1/incidents", "/api/v1/failures", "/health"} <= paths.keys()
    for path in ("/api/v1/notifications", "/api/v1/incidents", "/api/v1/failures"):
        answer = paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert answer["$ref"].startswith("#/components/schemas/")


@pytest.mark.parametrize(
    ("text", "seconds"), [("5m", 300.0), ("1m30s", 90.0), ("500ms", 0.5), ("7", 7.0), ("2.5", 2.5)]
)
def test_a_duration_is_written_as_prometheus_writes_it_or_in_seconds(
    monkeypatch: pytest.MonkeyPatch, text: str, seconds: float
) -> None:
    monkeypatch.setenv("INBOX_WATCHDOG_PATIENCE", text)

    assert Settings().watchdog_patience == seconds


@pytest.mark.parametrize("text", ["soon", "5 m", "5m!", "0", "-1", "m"])
def test_what_is_no_duration_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("INBOX_WATCHDOG_PATIENCE", text)

    with pytest.raises(ValidationError, match="watchdog_patience"):
        Settings()
