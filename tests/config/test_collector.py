"""The Collector masks secrets in whatever any program prints: its own binary, its committed configuration, a line in, a line out."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import requests
from launcher.environment import ROOT
from launcher.processes import run

from harness.eventually import Probe, eventually
from harness.expectations import equals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Instead of the stores: stdout.
_SHOWN = """
exporters: {debug/shown: {verbosity: detailed, use_internal_logger: false}}
service:
  pipelines:
    logs: {exporters: [debug/shown]}
    traces: {exporters: [debug/shown]}
"""

# What is printed, and what is stored of it. A "§" marks the end of each: a line may end in a secret.
LINES = {
    "an assignment": ("login failed password=hunter2 for web", "login failed password=[redacted] for web"),
    "an assignment in quotes": ('using password="two words" now', "using password=[redacted] now"),
    "an assignment in single quotes": ("using token='two words' now", "using token=[redacted] now"),
    "a name and a value": ("secret: hunter2", "secret: [redacted]"),
    "a token in an address": ("GET /feed?token=hunter2&page=2", "GET /feed?token=[redacted]&page=2"),
    "a bearer token": ("Authorization: Bearer abcdefgh12", "Authorization: [redacted] [redacted]"),
    "a bearer token alone": ("sent bearer abcdefgh12 twice", "sent bearer [redacted] twice"),
    "basic credentials": ("authorization=Basic dXNlcjpwYXNz", "authorization=[redacted] [redacted]"),
    "a key of ours": ("refused sk_live_abcdef123456", "refused [redacted]"),
    "a password in an address": ("redis://app:hunter2@cache:6379/0", "redis://app:[redacted]@cache:6379/0"),
    "an e-mail address": ("mail to ada@example.com bounced", "mail to [email] bounced"),
    "a card's number": ("paid with 4111111111111111", "paid with [number]"),
    "a card's number in groups": ("paid with 4111 1111 1111 1111", "paid with [number]"),
    # of JSON, what is masked stays JSON
    "a field of JSON": ('{"password":"hunter2","n":1}', '{"password":"[redacted]","n":1}'),
    "an assignment in JSON": ('{"error":"password=hunter2"}', '{"error":"password=[redacted]"}'),
    "an assignment quoted in JSON": (r'{"e":"token=\"hunter2\" x"}', r'{"e":"token=[redacted]\" x"}'),
    "a field that is no text": ('{"token":null,"n":1}', '{"token":null,"n":1}'),
    "an address beside a mailbox": (
        '{"url":"http://a:80","to":"ada@example.com"}',
        '{"url":"http://a:80","to":"[email]"}',
    ),
}
HARMLESS = (
    'FATAL:  password authentication failed for user "app"',
    "task_id=0c0e4a52-4d6e-4a53-8f0a-4d1b2c4d5e6f took 0.4111s",
    "listening on http://0.0.0.0:8000 (secrets are files)",
    '{"event":"api_request","request_id":"4111111111111111aaaaaaaaaaaaaaaa"}',
)


@contextmanager
def collector(image: str) -> Iterator[tuple[str, str]]:
    """Run the committed configuration, but for its exporters; yield the container and its OTLP address."""
    command = [
        *("docker", "run", "--detach", "--rm", "--read-only", "--cap-drop=ALL", "--publish=127.0.0.1::4318"),
        *("--tmpfs=/var/lib/otelcol:uid=10001,gid=10001", "--env=STRATUM_ENV=test"),
        f"--volume={ROOT / 'otel-collector'}:/etc/otelcol-contrib:ro",
        *("--entrypoint=/otelcol-contrib", image),
        *("--config=/etc/otelcol-contrib/config.yml", f"--config=yaml:{_SHOWN}"),
    ]
    container = run(command, what="docker run of the Collector").strip()
    try:
        port = run(["docker", "port", container, "4318/tcp"], what="docker port").strip().rpartition(":")[2]
        yield container, f"http://127.0.0.1:{port}"
    finally:
        run(["docker", "rm", "--force", container], what="docker rm")


def printed(container: str) -> str:
    done = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def send(address: str, kind: str, document: Mapping[str, object]) -> None:
    """Send it, once, when somebody listens: an answer that is late is asked for again, with nothing that could be doubled."""

    def send_nothing() -> int:
        try:
            return requests.post(f"{address}/v1/{kind}", json={}, timeout=5).status_code
        except (requests.ConnectionError, requests.Timeout):
            return 0

    eventually(Probe(f"{kind} sent to the Collector", address, send_nothing), equals(200), within=30)
    assert requests.post(f"{address}/v1/{kind}", json=document, timeout=30).status_code == 200


def text(value: str) -> dict[str, str]:
    return {"stringValue": value}


@pytest.fixture(scope="module")
def stored(images: dict[str, str]) -> dict[str, str]:
    """Every line of the tables, and what the Collector made of it; the same lines as attributes and as an exception."""
    lines = [line for line, _ in LINES.values()] + list(HARMLESS)
    records = [
        {"body": text(f"{line} §"), "attributes": [{"key": "said", "value": text(f"{line} §")}]}
        for line in lines
    ]
    event = {
        "name": "exception",
        "attributes": [{"key": "exception.message", "value": text(f"{line} §")} for line in lines[:1]],
    }
    span = {
        "traceId": "0" * 31 + "1",
        "spanId": "0" * 15 + "1",
        "name": "s",
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
        "attributes": [{"key": "db.query.text", "value": text("SELECT 1 -- sk_live_abcdef123456 §")}],
        "events": [event],
    }
    with collector(images["otel-collector"]) as (container, address):
        send(address, "logs", {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})
        send(address, "traces", {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})

        def shown() -> str:
            return printed(container)

        def has_all(said: str) -> None:
            assert said.count("Body: Str(") == len(lines)
            assert "exception.message" in said

        said = eventually(
            Probe("what the Collector exports", f"docker logs {container}", shown), has_all, within=20
        )
    bodies = re.findall(r"^Body: Str\((.*?) §\)$", said, re.MULTILINE)
    attributes = re.findall(r"-> said: Str\((.*?) §\)$", said, re.MULTILINE)
    spans = re.findall(r"-> (?:db.query.text|exception.message): Str\((.*?) §\)$", said, re.MULTILINE)
    return {"bodies": dict(zip(lines, bodies, strict=True)), "attributes": attributes, "spans": spans}


@pytest.mark.parametrize("kind", LINES)
def test_a_secret_is_masked_and_the_rest_of_the_line_stays(kind: str, stored) -> None:  # noqa: ANN001
    line, wanted = LINES[kind]
    assert stored["bodies"][line] == wanted
    if line.startswith("{"):
        json.loads(wanted)


@pytest.mark.parametrize("line", HARMLESS)
def test_a_line_without_a_secret_stays_as_it_is(line: str, stored) -> None:  # noqa: ANN001
    assert stored["bodies"][line] == line


def test_attributes_of_lines_and_spans_are_masked_too(stored) -> None:  # noqa: ANN001
    """A field of our own lines becomes an attribute; a message of an exception is one of a span's event."""
    said = " ".join([*stored["attributes"], *stored["spans"]])
    assert len(stored["spans"]) == 2
    assert "hunter2" not in " ".join(stored["spans"])
    for secret in (
        "abcdefgh12",
        "sk_live",
        "ada@example",
        "app:hunter2",
        "token=hunter2",
        "password=hunter2",
    ):
        assert secret not in said
