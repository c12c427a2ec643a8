"""The proof of readiness, against a stack made of canned answers: what it accepts, and what it says when it does not."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from harness.canary import Evidence, NotProved, prove
from unit.harness.local_server import Asked, Canned, serving

PORTS = "API_PORT PROMETHEUS_PORT ALERTMANAGER_PORT LOKI_PORT JAEGER_PORT GRAFANA_PORT ERRORS_PORT INBOX_PORT OTLP_HTTP_PORT"
SIGNALS = {"metric", "log", "trace", "error", "notification"}


@dataclass(frozen=True)
class OnePort:
    """Surroundings in which every service listens on one port."""

    port: int

    @property
    def ports(self) -> dict[str, int]:
        """Every name, the same port."""
        return dict.fromkeys(PORTS.split(), self.port)

    def secret(self, name: str) -> str:
        """Any secret."""
        return f"made-up {name}"


def trace_of(asked: Asked) -> str:
    return asked.headers["traceparent"].split("-")[1]


class FakeStack:
    """Answers as a stack does that has seen what was sent to it."""

    def __init__(self) -> None:
        self.run = self.failed = ""
        self.watchdog_at = time.time()
        self.held = [{"alertname": "Watchdog"}]
        self.store: Canned

    def accept(self, asked: Asked) -> Any:  # noqa: ANN401 - JSON
        """Take the run, and remember its trace."""
        self.run = trace_of(asked)
        return {"execution_id": "e1", "automation_id": 9001, "status": "queued"}

    def crash(self, asked: Asked) -> Any:  # noqa: ANN401 - JSON
        """Fail, and remember the trace."""
        self.failed = trace_of(asked)
        return {}

    def exemplars(self, _asked: Asked) -> Any:  # noqa: ANN401 - JSON
        """Name the run."""
        one = {"labels": {"trace_id": self.run}, "value": "0.01", "timestamp": 1.0}
        return {"data": [{"seriesLabels": {}, "exemplars": [one]}]}

    def lines(self, _asked: Asked) -> Any:  # noqa: ANN401 - JSON
        """Say what both services print."""
        events = ("api_request", "automation_executed")
        values = [["1", f'{{"event": "{event}"}}'] for event in events]
        return {"data": {"result": [{"stream": {}, "values": values}]}}

    def issues(self, asked: Asked) -> Any:  # noqa: ANN401 - JSON
        """Find the failure by its trace only."""
        return {"results": [{"id": "i"}] if self.failed and self.failed in asked.query["q"] else []}

    def notifications(self, _asked: Asked) -> Any:  # noqa: ANN401 - JSON
        """Hand out the last Watchdog."""
        words = dict.fromkeys(("id", "kind", "status", "key", "summary"), "x")
        arrived = {**words, "receiver": "watchdog", "alertname": "Watchdog", "received_at": self.watchdog_at}
        return {"notifications": [arrived] if self.watchdog_at else []}

    def alerts(self, _asked: Asked) -> Any:  # noqa: ANN401 - JSON
        """Say what Alertmanager holds."""
        common = {"annotations": {}, "status": {"state": "active"}, "receivers": [], "updatedAt": ""}
        return [{"labels": labels, **common} for labels in self.held]


def spans(*, connected: bool) -> dict[str, Any]:
    found = []
    for service, span_id, parent in (("api", "a", "us"), ("worker", "b", "a" if connected else "lost")):
        span = {"spanId": span_id, "parentSpanId": parent, "name": "n"}
        times = {"startTimeUnixNano": "1", "endTimeUnixNano": "2"}
        name = {"key": "service.name", "value": {"stringValue": f"stratum-{service}"}}
        found.append({"resource": {"attributes": [name]}, "scopeSpans": [{"spans": [{**span, **times}]}]})
    return {"result": {"resourceSpans": found}}


@pytest.fixture
def healthy() -> Iterator[FakeStack]:
    """A stack in which everything works."""
    fake = FakeStack()
    event = {"event_id": "1", "data": {"tags": {}}}
    pages: dict[str, object] = {
        "/internal/canary": fake.accept,
        "/internal/canary/error": fake.crash,
        "/api/v1/query_exemplars": fake.exemplars,
        "/loki/api/v1/query_range": fake.lines,
        "/api/canonical/0/issues/": fake.issues,
        "/api/canonical/0/events/": {"results": [{"id": "e"}]},
        "/api/canonical/0/events/e/": event,
        "/api/v1/notifications": fake.notifications,
        "/api/v2/alerts": fake.alerts,
    }
    with serving(**pages) as store:
        fake.store = store
        store.statuses |= {"/internal/canary": 202, "/internal/canary/error": 500}
        store.fallback = lambda asked: spans(connected=True) if fake.run and fake.run in asked.path else None
        yield fake


def proved(healthy: FakeStack, *, started_at: float, **options: Any) -> list[Evidence]:  # noqa: ANN401
    surroundings = OnePort(int(healthy.store.address.rsplit(":", 1)[1]))
    return prove(surroundings, started_at=started_at, within=0.05, **options)


def test_every_signal_is_read_back(healthy: FakeStack) -> None:
    told: list[Evidence] = []
    evidence = proved(healthy, started_at=time.time() - 5, progress=told.append)
    assert {one.signal for one in evidence} == SIGNALS
    assert told == evidence
    assert all(one.where.startswith("http://") and one.what for one in evidence)


@pytest.mark.parametrize(
    ("path", "signal", "words"),
    [
        ("/api/v1/query_exemplars", "metric", "404"),
        ("/loki/api/v1/query_range", "log", "404"),
        ("/api/canonical/0/issues/", "error", "404"),
        ("/api/v1/notifications", "notification", "404"),
    ],
)
def test_a_store_without_the_signal_is_named_and_the_others_are_found(
    healthy: FakeStack, path: str, signal: str, words: str
) -> None:
    del healthy.store.answers[path]
    with pytest.raises(NotProved) as failure:
        proved(healthy, started_at=time.time() - 5)
    assert set(failure.value.failures) == {signal}
    assert words in failure.value.failures[signal]
    assert {one.signal for one in failure.value.evidence} == SIGNALS - {signal}


def test_a_trace_in_two_pieces_is_no_proof(healthy: FakeStack) -> None:
    healthy.store.fallback = lambda _asked: spans(connected=False)
    with pytest.raises(NotProved, match=r"trace: .*\n(.|\n)*not one tree: 2 spans"):
        proved(healthy, started_at=time.time() - 5)


def test_an_api_that_refuses_the_canary_is_no_proof(healthy: FakeStack) -> None:
    healthy.store.statuses["/internal/canary"] = 401
    with pytest.raises(NotProved, match=r"request: .*\n(.|\n)*did not accept a run: 401"):
        proved(healthy, started_at=time.time() - 5)


def test_a_recent_watchdog_will_do_on_a_stack_that_ran_already(healthy: FakeStack) -> None:
    healthy.watchdog_at = time.time() - 60
    (found,) = [one for one in proved(healthy, started_at=time.time()) if one.signal == "notification"]
    assert re.fullmatch(r"Watchdog notified 6\d s ago, still held by Alertmanager", found.what)


def test_a_recent_watchdog_that_nobody_holds_any_more_is_no_proof(healthy: FakeStack) -> None:
    healthy.watchdog_at, healthy.held = time.time() - 60, []
    with pytest.raises(NotProved, match="Alertmanager holds no Watchdog now"):
        proved(healthy, started_at=time.time())


def test_an_old_watchdog_is_no_proof(healthy: FakeStack) -> None:
    healthy.watchdog_at = time.time() - 600
    with pytest.raises(NotProved, match=r"the last Watchdog notification is 60\d s old"):
        proved(healthy, started_at=time.time())


def test_silence_is_no_proof(healthy: FakeStack) -> None:
    healthy.watchdog_at = 0.0
    with pytest.raises(NotProved, match="no Watchdog notification ever arrived"):
        proved(healthy, started_at=time.time())
