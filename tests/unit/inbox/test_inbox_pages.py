"""The pages: they escape what others sent, they show no file but a runbook, and they say when Prometheus is away."""

from collections.abc import Sequence

import httpx2
import pytest
from fastapi.testclient import TestClient

from inbox.settings import Settings
from unit.inbox.senders import Answer, Json, MakeInbox

RULE = {
    "name": "APIDown",
    "query": 'sum by (job) (up{job="stratum-api"}) == 0',
    "duration": 60,
    "state": "firing",
    "labels": {"severity": "critical"},
    "annotations": {"summary": "Stratum is down"},
    "health": "ok",
    "alerts": [
        {
            "labels": {"alertname": "APIDown", "job": "stratum-api"},
            "state": "firing",
            "activeAt": "2026-11-23T22:00:00Z",
            "value": "0e+00",
        },
    ],
}


def prometheus(
    rules: Sequence[Json] = (RULE,),
    result: Sequence[Json] = ({"metric": {"job": "stratum-api"}, "value": [1.5, "0"]},),
    asked: list[str] | None = None,
) -> Answer:
    """Answer as Prometheus does, with these rules and this result for every query."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/api/v1/rules":
            return httpx2.Response(
                200, json={"status": "success", "data": {"groups": [{"rules": list(rules)}]}}
            )
        if asked is not None:
            asked.append(request.url.params["query"])
        data = {"resultType": "vector", "result": list(result)}
        return httpx2.Response(200, json={"status": "success", "data": data})

    return answer


def test_the_first_page_shows_the_newest_notification_first_with_its_links(
    inbox: TestClient, event: Json
) -> None:
    inbox.post("/v2/enqueue", json=event)
    inbox.post("/v2/enqueue", json=event | {"event_action": "resolve"})

    page = inbox.get("/").text

    assert page.index("resolved</strong>") < page.index("firing</strong>")
    assert '<a href="/alerts/APIDown">' in page
    assert '<a href="http://links.test/runbooks/APIDown"' in page
    assert '<meta name="viewport"' in page


def test_the_first_page_says_when_the_watchdog_was_last_heard(inbox: TestClient, webhook: Json) -> None:
    assert "never heard" in inbox.get("/").text

    inbox.post("/webhook/watchdog", json=webhook)

    page = inbox.get("/").text
    assert "last heard 0 s ago" in page
    assert "<article" not in page


def test_what_was_sent_is_escaped(inbox: TestClient, event: Json) -> None:
    event["payload"]["summary"] = '<script>alert("x")</script>'
    event["payload"]["custom_details"]["alertname"] = '"><img src=x>'
    event["links"] = [{"href": 'http://x/"onmouseover="alert(1)', "text": "<b>"}]
    inbox.post("/v2/enqueue", json=event)

    page = inbox.get("/").text

    for raw in ("<script>", "<img", "<b>", '"onmouseover'):
        assert raw not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("path", ["/", "/runbooks/None", "/alerts/A", "/style.css"])
def test_every_page_forbids_the_browser_to_run_anything(inbox: TestClient, path: str) -> None:
    policy = inbox.get(path).headers["content-security-policy"]

    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_the_evidence_page_shows_rule_state_and_values(
    make_inbox: MakeInbox, settings: Settings, event: Json
) -> None:
    (settings.runbooks / "APIDown.md").write_text(
        "## Diagnosis\n\n1. See:\n\n   ```promql\n   up == 0\n   ```\n"
    )
    asked: list[str] = []
    inbox = make_inbox(prometheus(asked=asked))
    inbox.post("/v2/enqueue", json=event)

    response = inbox.get("/alerts/APIDown")

    assert response.status_code == 200
    assert asked == [RULE["query"], "up == 0"]
    for words in (
        "firing",
        "Stratum is down",
        "{job=&#34;stratum-api&#34;}",
        "2026-11-23T22:00:00Z",
        "up == 0",
    ):
        assert words in response.text
    assert '<a href="/runbooks/APIDown">' in response.text
    assert "to pagerduty" in response.text


def test_the_evidence_page_of_a_quiet_alert_says_so(make_inbox: MakeInbox) -> None:
    quiet = RULE | {"state": "inactive", "alerts": []}
    page = make_inbox(prometheus(rules=[quiet], result=())).get("/alerts/APIDown").text

    assert "inactive" in page
    assert "the condition does not hold" in page


def test_the_evidence_page_shows_a_query_that_fails_as_failed(make_inbox: MakeInbox) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/api/v1/rules":
            return prometheus()(request)
        return httpx2.Response(422, json={"status": "error", "error": "too many samples"})

    response = make_inbox(answer).get("/alerts/APIDown")

    assert response.status_code == 200
    assert "too many samples" in response.text


def test_the_evidence_page_cuts_a_long_result(make_inbox: MakeInbox) -> None:
    many = [{"metric": {"instance": str(number)}, "value": [1, "0"]} for number in range(25)]

    assert "and 5 more" in make_inbox(prometheus(result=many)).get("/alerts/APIDown").text


@pytest.mark.parametrize(
    "name", ["NoSuchAlert", "a.b", "1st", "x" * 101, "A%0A", "A%2FB", "..%2F..%2Fetc%2Fpasswd"]
)
def test_an_alert_that_prometheus_does_not_know_is_not_found(make_inbox: MakeInbox, name: str) -> None:
    assert make_inbox(prometheus(rules=())).get(f"/alerts/{name}").status_code == 404


def refuse(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("connection refused", request=request)


def hang(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ReadTimeout("timed out", request=request)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refuse, "connection refused"),
        (hang, "timed out"),
        (lambda _: httpx2.Response(503, text="Service Unavailable"), "503 and no JSON"),
        (lambda _: httpx2.Response(200, json=[]), "200 and not as Prometheus does"),
        (lambda _: httpx2.Response(500, json={"status": "error", "error": "boom"}), "500: boom"),
    ],
)
def test_the_evidence_page_says_when_prometheus_cannot_be_asked(
    make_inbox: MakeInbox, event: Json, answer: Answer, reason: str
) -> None:
    inbox = make_inbox(answer)
    inbox.post("/v2/enqueue", json=event)

    response = inbox.get("/alerts/APIDown")

    assert response.status_code == 503
    assert "Prometheus cannot be asked now" in response.text
    assert reason in response.text
    assert "to pagerduty" in response.text


def test_a_runbook_is_rendered(inbox: TestClient, settings: Settings) -> None:
    (settings.runbooks / "APIDown.md").write_text("# APIDown\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")

    response = inbox.get("/runbooks/APIDown")

    assert response.status_code == 200
    assert "<h1>APIDown</h1>" in response.text
    assert "<table>" in response.text


def test_a_runbook_cannot_bring_html_or_scripts(inbox: TestClient, settings: Settings) -> None:
    (settings.runbooks / "Bad.md").write_text(
        "<script>alert(1)</script>\n\n[x](javascript:alert(1)) <b onclick=x>y</b>\n\n```<i>\n<u>\n```\n"
    )
    page = inbox.get("/runbooks/Bad").text

    for raw in ("<script", 'href="javascript', "<b ", "<u>", "<i>"):
        assert raw not in page


@pytest.mark.parametrize(
    "name",
    [
        "NoSuchAlert",
        "..%2Fkey",
        "..%2F..%2Fetc%2Fpasswd",
        "%2Fetc%2Fpasswd",
        "....%2F%2Fkey",
        "..%5Ckey",
        "key%00",
        "APIDown.md",
        ".",
        "APIDown%0A",
    ],
)
def test_no_other_file_can_be_read(inbox: TestClient, settings: Settings, name: str) -> None:
    (settings.runbooks.parent / "key.md").write_text("outside")
    (settings.runbooks / "APIDown.md").write_text("inside")
    response = inbox.get(f"/runbooks/{name}")

    assert response.status_code == 404
    assert "outside" not in response.text
    assert "inside" not in response.text
