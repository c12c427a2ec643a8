"""The inbox as a process: it says in one line why it cannot start, logs JSON, and ends cleanly when told to."""

import json
import signal
import subprocess
import urllib.error
import urllib.request
from contextlib import AbstractContextManager

import httpx2
import pytest
from launcher.environment import free_ports

from harness import local_inbox
from inbox.settings import Settings
from unit.inbox.senders import Json


def started(settings: Settings, **more: str) -> AbstractContextManager[subprocess.Popen[str]]:
    files = {
        "INBOX_HOST": "127.0.0.1",
        "INBOX_DATABASE": str(settings.database),
        "INBOX_PAGERDUTY_KEY_FILE": str(settings.pagerduty_key_file),
        "INBOX_SLACK_PLATFORM_URL_FILE": str(settings.slack_platform_url_file),
        "INBOX_SLACK_CUSTOMER_HEALTH_URL_FILE": str(settings.slack_customer_health_url_file),
    }
    return local_inbox.process(files | more)


def lines_until(process: subprocess.Popen[str], words: str) -> list[dict[str, object]]:
    lines = []
    for line in process.stdout or ():
        lines.append(json.loads(line))
        if words in line:
            break
    return lines


def test_it_serves_logs_json_and_ends_with_0_on_sigterm(settings: Settings) -> None:
    port = free_ports(["port"])["port"]
    with started(settings, INBOX_PORT=str(port)) as process:
        first = lines_until(process, "Uvicorn running")
        bad = urllib.request.Request(
            f"http://127.0.0.1:{port}/v2/enqueue", data=b"{}", headers={"content-type": "application/json"}
        )
        with pytest.raises(urllib.error.HTTPError, match="400") as refused:
            urllib.request.urlopen(bad, timeout=30)  # noqa: S310
        refused.value.close()
        process.send_signal(signal.SIGTERM)
        rest = lines_until(process, "no such words")

        assert process.wait(timeout=60) == 0
    for line in first + rest:
        assert line.keys() >= {"timestamp", "level", "event", "service"}
        assert line["service"] == "inbox"
    assert first[0]["event"] == "started"
    assert [line["reason"] for line in rest if line["event"] == "notification_refused"] == [
        "'routing_key' is missing or blank; 'event_action' is missing or blank"
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"INBOX_PAGERDUTY_KEY_FILE": "/no/such/file"}, "/no/such/file"),
        ({"INBOX_SLACK_PLATFORM_URL_FILE": "KEY"}, "/services/<team>/<service>/<token>"),
        ({"INBOX_PAGERDUTY_KEY_FILE": "WEBHOOK"}, "32 letters and digits"),
        ({"INBOX_PORT": "0"}, "port"),
        ({"INBOX_DATABASE": "/proc/inbox.sqlite3"}, "/proc/inbox.sqlite3"),
    ],
)
def test_it_says_why_it_cannot_start_and_shows_no_secret(
    settings: Settings, change: Json, reason: str
) -> None:
    files = {"KEY": settings.pagerduty_key_file, "WEBHOOK": settings.slack_platform_url_file}
    change = {name: str(files.get(value, value)) for name, value in change.items()}
    with started(settings, **change) as process:
        output, _ = process.communicate(timeout=60)

    line = json.loads(output)
    assert process.returncode == 1
    assert (line["event"], line["level"]) == ("start_refused", "critical")
    assert reason in line["reason"]
    for file in files.values():
        assert file.read_text().strip() not in output


def test_a_connection_is_broken_off_when_a_test_asks_for_it(settings: Settings, event: Json) -> None:
    """No answer and no orderly end; the next request is served."""
    port = free_ports(["port"])["port"]
    with started(settings, INBOX_PORT=str(port)) as process:
        lines_until(process, "Uvicorn running")
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
            client.post("/api/v1/failures", json={"receiver": "pagerduty", "mode": "reset"})
            with pytest.raises(httpx2.TransportError):
                client.post("/v2/enqueue", json=event)
            answer = client.post("/v2/enqueue", json=event)
            kept = client.get("/api/v1/notifications").json()["notifications"]

    assert answer.status_code == 202
    assert len(kept) == 1
