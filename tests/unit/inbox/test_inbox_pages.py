"""The pages: they escape what others sent, they show no file but a runbook, and they say when Prometheus is away."""

import re
import time
from collections.abc import Callable, Sequence

import httpx2
import pytest
from fastapi.testclient import TestClient

from inbox.settings import Settings
from unit.inbox.senders import PLATFORM, Answer, Json, MakeInbox

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


LINES = {
    "status": "success",
    "data": {
        "resultType": "streams",
        "result": [
            {
                "stream": {"service_name": "stratum-api", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"},
                "values": [["1764000000000000000", "<i>pool exhausted</i>"]],
            },
            {
                "stream": {"service_name": "stratum-api", "trace_id": "javascript:alert(1)"},
                "values": [["1764000001000000000", "later"]],
            },
        ],
    },
}


def prometheus(
    rules: Sequence[Json] = (RULE,),
    result: Sequence[Json] = ({"metric": {"job": "stratum-api"}, "value": [1.5, "0"]},),
    asked: list[str] | None = None,
) -> Answer:
    """Answer as Prometheus does, with these rules and this result for every query."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/loki/api/v1/query_range":
            return httpx2.Response(200, json=LINES)
        if request.url.path == "/api/v1/rules":
            return httpx2.Response(
                200, json={"status": "success", "data": {"groups": [{"rules": list(rules)}]}}
            )
        if asked is not None:
            asked.append(request.url.params["query"])
        data = {"resultType": "vector", "result": list(result)}
        return httpx2.Response(200, json={"status": "success", "data": data})

    return answer


def has_lasted_since(began: float, words: str, page: str) -> None:
    """Expect the page to tell, in these words, no more seconds than have really passed."""
    [seconds] = re.findall(words, page)
    assert int(seconds) <= round(time.time() - began)


def test_what_arrived_is_shown_newest_first_with_its_links(inbox: TestClient, event: Json) -> None:
    inbox.post("/v2/enqueue", json=event)
    inbox.post("/v2/enqueue", json=event | {"event_action": "resolve"})

    page = inbox.get("/notifications").text

    assert page.index("resolved</span>") < page.index("firing</span>")
    assert '<a href="/alerts/APIDown">' in page
    assert '<a href="http://links.test/runbooks/APIDown"' in page
    assert '<meta name="viewport"' in page


def test_the_first_page_says_when_the_watchdog_was_last_heard(inbox: TestClient, webhook: Json) -> None:
    assert "never heard" in inbox.get("/").text

    began = time.time()
    inbox.post("/webhook/watchdog", json=webhook)

    page = inbox.get("/").text
    has_lasted_since(began, r"last heard (\d+) s ago", page)
    assert "<article" not in page


def test_the_first_page_shows_what_is_wrong_now_before_what_is_over(
    inbox: TestClient, event: Json, message: Json
) -> None:
    began = time.time()
    inbox.post("/v2/enqueue", json=event)
    inbox.post("/v2/enqueue", json=event | {"event_action": "resolve"})
    message["attachments"][0]["callback_id"] = "alertname=HighLatency,job=stratum-api"
    inbox.post(PLATFORM, json=message)

    page = inbox.get("/").text

    assert "1 open incident<" in page
    assert (
        page.index('href="/alerts/HighLatency"')
        < page.index("<h2>Over")
        < page.index('href="/alerts/APIDown"')
    )
    has_lasted_since(began, r"lasted (\d+) s\b", page)


def test_the_first_page_says_that_all_is_quiet(inbox: TestClient) -> None:
    page = inbox.get("/").text

    assert "<h1>All quiet</h1>" in page
    assert "<title>All quiet" in page


def test_a_receiver_that_fails_on_purpose_is_named_on_the_first_page(inbox: TestClient) -> None:
    inbox.post("/api/v1/failures", json={"receiver": "pagerduty", "mode": "429", "times": 3})

    assert "A test lets pagerduty fail (429): 3 more" in inbox.get("/").text


def test_a_notification_is_shown_word_for_word(inbox: TestClient, event: Json) -> None:
    event["payload"]["summary"] = "<b>not bold</b>"
    inbox.post("/v2/enqueue", json=event)

    page = inbox.get("/notifications/1").text

    assert "&#34;event_action&#34;: &#34;trigger&#34;" in page
    assert "<b>" not in page


@pytest.mark.parametrize("number", ["2", "0", "x", "1.5", "9" * 30, "-1", "%D9%A1"])
def test_a_notification_that_is_not_there_is_not_found(inbox: TestClient, event: Json, number: str) -> None:
    inbox.post("/v2/enqueue", json=event)

    assert inbox.get(f"/notifications/{number}").status_code == 404


def test_what_was_sent_is_escaped(inbox: TestClient, event: Json) -> None:
    event["payload"]["summary"] = '<script>alert("x")</script>'
    event["payload"]["custom_details"]["alertname"] = '"><img src=x>'
    event["links"] = [{"href": 'http://x/"onmouseover="alert(1)', "text": "<b>"}]
    inbox.post("/v2/enqueue", json=event)

    page = inbox.get("/").text + inbox.get("/notifications").text + inbox.get("/notifications/1").text

    for raw in ("<script>", "<img", "<b>", '"onmouseover'):
        assert raw not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("path", ["/", "/notifications", "/runbooks/None", "/alerts/A", "/style.css"])
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
    assert 'href="/runbooks/APIDown">' in response.text
    assert "to pagerduty" in response.text


def test_the_evidence_page_shows_what_the_service_logged_and_its_traces(make_inbox: MakeInbox) -> None:
    page = make_inbox(prometheus()).get("/alerts/APIDown").text

    assert "{service_name=&#34;stratum-api&#34;}" in page
    assert page.index("later") < page.index("pool exhausted")
    assert "<i>" not in page
    assert 'href="http://127.0.0.1:16686/trace/4bf92f3577b34da6a3ce929d0e0e4736"' in page
    assert "javascript" not in page


def test_the_runbooks_own_log_query_is_asked_instead(make_inbox: MakeInbox, settings: Settings) -> None:
    (settings.runbooks / "APIDown.md").write_text('```logql\n{service_name="postgres"}\n```\n')
    page = make_inbox(prometheus()).get("/alerts/APIDown").text

    assert "{service_name=&#34;postgres&#34;}" in page
    assert "{service_name=&#34;stratum-api&#34;}" not in page


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (lambda: httpx2.Response(400, text="parse error"), "parse error"),
        (lambda: httpx2.Response(200, text="no JSON"), "Loki cannot be asked now"),
        (lambda: httpx2.Response(200, json={"data": None}), "Loki cannot be asked now"),
    ],
)
def test_the_evidence_page_helps_without_loki(
    make_inbox: MakeInbox, refusal: Callable[[], httpx2.Response], reason: str
) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return refusal() if request.url.path.startswith("/loki") else prometheus()(request)

    response = make_inbox(answer).get("/alerts/APIDown")

    assert response.status_code == 200
    assert reason in response.text
    assert "Stratum is down" in response.text


def test_each_query_can_be_asked_of_prometheus_again(make_inbox: MakeInbox) -> None:
    page = make_inbox(prometheus()).get("/alerts/APIDown").text

    assert 'href="http://127.0.0.1:9090/api/v1/query?query=sum%20by%20%28job%29' in page


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
