"""A secret that a client sends, in whatever field of whatever route, is kept by no store of telemetry."""

from __future__ import annotations

import json
import random
import string
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import uuid4

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from harness.eventually import eventually
from harness.expectations import has_length, is_not_empty

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.clients.api import Answer, Api
    from harness.clients.errors import Errors
    from harness.clients.http import Json
    from harness.clients.jaeger import Jaeger
    from harness.clients.loki import Loki
    from harness.clients.prometheus import Prometheus
    from harness.stack import Stack

pytestmark = pytest.mark.slow


def card_number() -> str:
    """Draw a number that passes for a card's: sixteen digits, the last of which checks the others (Luhn)."""
    digits = [4, *(random.randrange(10) for _ in range(14))]  # noqa: S311 - unique is enough
    doubled = (sum(divmod(2 * digit, 10)) if place % 2 == 0 else digit for place, digit in enumerate(digits))
    return "".join(map(str, digits)) + str(-sum(doubled) % 10)


def word() -> str:
    return "".join(random.choices(string.ascii_lowercase, k=16))  # noqa: S311 - the same


@dataclass(frozen=True)
class Secrets:
    """One secret of each kind, and the words by which it would be found."""

    bearer: str = field(default_factory=word)
    password: str = field(default_factory=word)
    mailbox: str = field(default_factory=word)
    card: str = field(default_factory=card_number)
    api_key: str = field(default_factory=lambda: f"sk_canary_{uuid4().hex}")

    @property
    def said(self) -> str:
        """All of them, as people write them."""
        return f"Bearer {self.bearer} password={self.password} {self.mailbox}@example.com {self.card} {self.api_key}"

    @property
    def words(self) -> dict[str, str]:
        """What to search for."""
        return {
            "bearer token": self.bearer,
            "password": self.password,
            "e-mail address": self.mailbox,
            "card number": self.card,
            "API key": self.api_key,
        }


@dataclass(frozen=True)
class Sent:
    """What was sent, under which ids, and a word that is no secret: it must be found, or nothing was searched."""

    secrets: Secrets
    harmless: str
    answers: tuple[Answer, ...]
    error: Answer


def example(schema: Json, openapi: Json) -> Json:
    """Return a body that the description calls right, from its own examples."""
    if "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return example(schema["anyOf"][0], openapi)
    return {
        name: described["examples"][0]
        for name, described in schema.get("properties", {}).items()
        if "examples" in described
    }


def requests(openapi: Json, secret: str) -> Iterator[tuple[str, str, dict[str, Json]]]:
    """Yield each route with the secret in each place: the address, the query, each field, and around the body."""
    for template, methods in openapi["paths"].items():
        for method, operation in methods.items():
            verb, parameters = method.upper(), operation.get("parameters", [])
            inside = [one["name"] for one in parameters if one["in"] == "path"]
            path = template
            for name in inside:
                yield verb, template.replace(f"{{{name}}}", quote(secret, safe="")), {}
                path = path.replace(f"{{{name}}}", "1101" if name == "segment_id" else "1001")
            path = path.replace("/profiles/1001", f"/profiles/{uuid4()}").replace(
                "executions/1001", f"executions/{uuid4()}"
            )
            for name in [*(one["name"] for one in parameters if one["in"] == "query"), "unknown"]:
                yield verb, path, {"params": {name: secret}}
            if "requestBody" not in operation:
                continue
            body = example(operation["requestBody"]["content"]["application/json"]["schema"], openapi)
            for name in body:
                yield verb, path, {"json": {**body, name: secret}}
                yield verb, path, {"json": {**body, name: {secret: secret}}}
            yield verb, path, {"json": {**body, secret: 1}}
            yield verb, path, {"json": secret}
            yield verb, path, {"data": f'{{"broken": "{secret}'.encode()}


def stored(secrets: Secrets) -> Iterator[tuple[str, str, dict[str, Json]]]:
    """Yield requests that are right, so that the secret comes as far as the database."""
    person = {"external_id": secrets.said, "name": secrets.said, "attributes": {"note": secrets.said}}
    for _ in range(2):  # the second one is a conflict
        yield "POST", "/api/v1/cdp/profiles", {"json": {**person, "email": f"{secrets.mailbox}@example.com"}}
    yield "GET", "/api/v1/cdp/profiles/search", {"params": {"q": secrets.mailbox}}
    campaign = {"name": secrets.said, "platform": "meta", "daily_budget_cents": 0}
    yield "POST", "/api/v1/campaigns", {"json": campaign}
    yield "POST", "/api/v1/automations/3001/execute", {"json": {"reason": secrets.said}}


@pytest.fixture(scope="module")
def sent(retailx: Api, operator: Api) -> Sent:
    """Send everything once; the headers are full of secrets as well."""
    secrets, harmless = Secrets(), word()
    openapi = retailx.send("GET", "/openapi.json").body
    headers = {
        "User-Agent": f"{harmless} {secrets.said}",
        "X-Request-ID": secrets.card,
        "Cookie": f"session={secrets.api_key}; password={secrets.password}",
        "Referer": f"https://{secrets.mailbox}@example.com/?token={secrets.password}",
        "tracestate": f"vendor={secrets.api_key}",
        "baggage": f"password={secrets.password},user={secrets.mailbox}@example.com",
        "X-Api-Key": secrets.api_key,
    }
    answers = []
    for method, path, options in [*requests(openapi, secrets.said), *stored(secrets)]:
        answer = retailx.answered(method, path, headers=headers, **options)
        if not path.startswith("/health"):  # probes leave neither a line nor a trace
            answers.append(answer)
    unknown = {**headers, "Authorization": f"Bearer {secrets.api_key}"}
    answers.append(retailx.answered("GET", "/api/v1/campaigns", headers=unknown))
    protocols = ["stratum.decisions", secrets.api_key]
    with suppress(InvalidStatus), connect(_feed(retailx), subprotocols=protocols, proxy=None):  # type: ignore[arg-type]
        pass
    return Sent(
        secrets,
        harmless,
        tuple(answers),
        operator.answered("POST", "/internal/canary/error", headers=headers),
    )


def _feed(api: Api) -> str:
    return f"{api.address.replace('http', 'ws', 1)}/api/v1/ws/decisions"


def found_in(text: str, secrets: Secrets) -> list[str]:
    """Name the secrets that are in a text; its last line of defence is that card numbers may be spaced."""
    return [kind for kind, secret in secrets.words.items() if secret in text]


def test_every_field_was_reached(sent: Sent) -> None:
    """Right ones were stored and wrong ones were refused; nothing was a fault of ours."""
    statuses = {answer.status for answer in sent.answers}
    assert {200, 201, 202, 401, 404, 409, 422} <= statuses
    assert max(statuses) < 500, [answer for answer in sent.answers if answer.status >= 500]
    assert len(sent.answers) > 60


def test_no_line_of_any_service_holds_a_secret(sent: Sent, loki: Loki) -> None:
    """Lines, their labels and their metadata, third-party programs' included."""
    last = sent.answers[-1]
    eventually(loki.of_trace(last.trace_id), has_length(1), within=15)
    eventually(loki.of_trace(sent.error.trace_id), has_length(1), within=15)
    lines = loki.lines('{service_name=~".+"}', since=sent.answers[0].sent_at - 1).now()
    text = "\n".join(f"{line.body} {json.dumps(dict(line.labels))}" for line in lines)
    assert all(answer.trace_id in text for answer in sent.answers), "not every request's line was read"
    assert found_in(text, sent.secrets) == []


def test_no_span_holds_a_secret(sent: Sent, jaeger: Jaeger) -> None:
    """Names, attributes, events, links and trace state."""
    documents = []
    for answer in (*sent.answers, sent.error):
        eventually(jaeger.trace(answer.trace_id), lambda trace: is_not_empty(trace.spans), within=15)
        documents.append(json.dumps(jaeger.document(answer.trace_id)))
    text = "\n".join(documents)
    assert sent.harmless in text
    assert found_in(text, sent.secrets) == []


def test_no_error_event_holds_a_secret(sent: Sent, errors: Errors) -> None:
    """Message, stack, tags and whatever the SDK adds."""
    (event,) = eventually(errors.of_trace(sent.error.trace_id), has_length(1), within=15)
    text = json.dumps(dict(event.data))
    assert "CanaryError" in text
    assert found_in(text, sent.secrets) == []


def test_no_series_and_no_exemplar_holds_a_secret(sent: Sent, prometheus: Prometheus) -> None:
    """Label values, and the labels of exemplars."""
    series = prometheus.http.json("/api/v1/series", **{"match[]": '{__name__=~"api_.+|cdp_.+|signal_.+"}'})
    exemplars = prometheus.http.json(
        "/api/v1/query_exemplars", query="api_request_duration_seconds_bucket", **_lately(sent)
    )
    text = json.dumps([series, exemplars])
    assert "/api/v1/cdp/profiles" in text
    assert found_in(text, sent.secrets) == []


def _lately(sent: Sent) -> dict[str, float]:
    return {"start": sent.answers[0].sent_at - 60, "end": sent.error.sent_at + 60}


@pytest.mark.parametrize("service", ["redis", "postgres"])
def test_what_another_program_prints_is_masked_by_the_collector(
    service: str, stack: Stack, loki: Loki
) -> None:
    """Their lines are no JSON and nobody redacts them before; each is printed where the container's own program prints."""
    secrets, harmless = Secrets(), word()
    url = f"redis://app:{secrets.password}@cache:6379/0 token={secrets.password} secret: {secrets.password}"
    said = f"{harmless} {secrets.said} {url} Authorization: Basic {secrets.bearer}"
    stack.compose.exec_in_container(["sh", "-c", 'echo "$0" > /proc/1/fd/1', said], service)

    (line,) = eventually(
        loki.lines(f'{{service_name="{service}"}} |= "{harmless}"'), has_length(1), within=15
    )
    assert found_in(f"{line.body} {json.dumps(dict(line.labels))}", secrets) == []
    for mask in ("Bearer [redacted]", "password=[redacted]", "token=[redacted]", "[email]", "[number]"):
        assert mask in line.body
