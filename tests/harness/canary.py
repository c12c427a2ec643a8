"""The proof behind the word "ready": one request and one error, read back from every store.

`make up` calls `prove` last. Two requests go through the real application under trace ids drawn here; then all five
stores are asked at once for exactly those ids, and each answer becomes a piece of evidence, or a sentence on what was
seen instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import requests

from harness.eventually import NotYet, Probe, Unmet, eventually
from harness.expectations import has_length, is_connected, names_trace
from harness.surroundings import Stores, Surroundings

if TYPE_CHECKING:
    from harness.clients.api import Answer, Execution
    from harness.clients.inbox import Notification, Notifications
    from harness.clients.jaeger import Trace
    from harness.clients.loki import Lines

T = TypeVar("T")

WATCHDOG_PERIOD = 180.0
"""Seconds in which a Watchdog notification must have come: it is sent about once a minute, and one may be lost."""

_LATENCY = 'api_request_duration_seconds_bucket{endpoint="/internal/canary"}'
_ERROR_STATUS = 500


@dataclass(frozen=True)
class Evidence:
    """One signal, found in one store."""

    signal: str  # metric, log, trace, error, notification
    store: str
    seconds: float  # from the request to the answer
    where: str  # a link to open
    what: str  # one line


class NotProved(Exception):  # noqa: N818 - reads as what happened
    """The stack runs and does not work; says for each missing signal what was seen instead."""

    def __init__(self, failures: dict[str, str], evidence: list[Evidence]) -> None:
        self.failures = failures
        self.evidence = evidence
        found = ", ".join(one.signal for one in evidence) or "nothing"
        said = "\n\n".join(f"{signal}: {failure}" for signal, failure in failures.items())
        super().__init__(f"the canary was not read back from every store (found: {found})\n\n{said}")


@dataclass(frozen=True)
class _Sent:
    """What went out."""

    run: Execution
    error: Answer
    stack_started_at: float


Finder = Callable[[Stores, _Sent, float], tuple[str, str, str]]  # -> store, where, what


def prove(
    surroundings: Surroundings,
    *,
    started_at: float,
    within: float = 45.0,
    progress: Callable[[Evidence], None] | None = None,
) -> list[Evidence]:
    """Send the canary and read it back from every store.

    Args:
        surroundings: Ports and secrets of the stack, an `Environment`.
        started_at: When its start began (seconds since 1970): a Watchdog notification since then proves most.
        within: Seconds each store gets. A metric takes up to one scrape, 15 s.
        progress: Told of each piece of evidence when it is found.

    Raises:
        NotProved: At least one signal did not arrive.
    """
    stores = Stores(surroundings)
    sent = _send(stores, started_at, within)
    began = time.monotonic()
    evidence: list[Evidence] = []
    failures: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=len(_FINDERS)) as several:
        searches = {several.submit(find, stores, sent, within): signal for signal, find in _FINDERS.items()}
        for search in as_completed(searches):
            signal = searches[search]
            try:
                store, where, what = search.result()
            except (AssertionError, NotYet, requests.RequestException) as failure:
                failures[signal] = str(failure)
                continue
            found = Evidence(signal, store, time.monotonic() - began, where, what)
            evidence.append(found)
            if progress:
                progress(found)
    if failures:
        raise NotProved(failures, evidence)
    return evidence


def _send(stores: Stores, started_at: float, within: float) -> _Sent:
    """Send the run and the error; an API that is up but not ready yet gets time."""
    operator = stores.operator()

    def attempt(send: Callable[[], T]) -> Callable[[], T]:
        def read() -> T:
            try:
                return send()
            except requests.RequestException as failure:
                raise NotYet(f"no answer: {type(failure).__name__}") from failure
            except AssertionError as failure:
                raise NotYet(str(failure)) from failure

        return read

    try:
        run = eventually(
            Probe("the canary's request", operator.address, attempt(operator.canary)), within=within
        )
        error = eventually(
            Probe("the canary's error", operator.address, attempt(operator.canary_error)),
            _is_a_server_error,
            within=within,
        )
    except Unmet as failure:
        raise NotProved({"request": str(failure)}, []) from failure
    return _Sent(run, error, started_at)


def _is_a_server_error(answer: Answer) -> None:
    assert answer.status == _ERROR_STATUS, f"the error route answered {answer!r}"


def _metric(stores: Stores, sent: _Sent, within: float) -> tuple[str, str, str]:
    probe = stores.prometheus.exemplars(_LATENCY, since=sent.run.sent_at)
    exemplars = eventually(probe, names_trace(sent.run.trace_id), within=within)
    ours = next(one for one in exemplars if one.trace_id == sent.run.trace_id)
    return "prometheus", probe.where, f"counted, with exemplar {ours!r}"


def _log(stores: Stores, sent: _Sent, within: float) -> tuple[str, str, str]:
    probe = stores.loki.of_trace(sent.run.trace_id)
    lines = eventually(probe, _has_events("api_request", "automation_executed"), within=within)
    return "loki", probe.where, f"{len(lines)} lines: {', '.join(str(line['event']) for line in lines)}"


def _trace(stores: Stores, sent: _Sent, within: float) -> tuple[str, str, str]:
    probe = stores.jaeger.trace(sent.run.trace_id)
    trace = eventually(probe, _covers("stratum-api", "stratum-worker"), is_connected, within=within)
    return (
        "jaeger",
        probe.where,
        f"{len(trace.spans)} spans of {', '.join(sorted(trace.services))}, connected",
    )


def _error(stores: Stores, sent: _Sent, within: float) -> tuple[str, str, str]:
    probe = stores.errors.of_trace(sent.error.trace_id)
    events = eventually(probe, has_length(1), within=within)
    return "errors", f"{stores.addresses.errors}/issues/1/", repr(events[0])


def _notification(stores: Stores, sent: _Sent, within: float) -> tuple[str, str, str]:
    """A Watchdog notification since this start; or a recent one, while the running Alertmanager holds the alert.

    Alertmanager remembers across a restart what it has sent, so a stack that was stopped for half a minute rightly
    stays silent until the next repeat. Then the way is shown in two pieces: the running Prometheus keeps the running
    Alertmanager's Watchdog alive, and the last notification is not older than the period of the dead man's switch.
    """
    arrived = stores.inbox.notifications("Watchdog")

    def read() -> tuple[Notifications, bool]:
        return arrived.read(), bool(stores.alertmanager.alerts("Watchdog").read())

    probe = Probe("a Watchdog notification in the inbox", arrived.where, read)
    notifications, _ = eventually(probe, _is_alive(sent.stack_started_at), within=within)
    last = notifications[-1]
    return "inbox", arrived.where, _age(last, sent.stack_started_at)


def _is_alive(started_at: float) -> Callable[[tuple[Notifications, bool]], None]:
    def expect(seen: tuple[Notifications, bool]) -> None:
        notifications, held = seen
        assert len(notifications), "no Watchdog notification ever arrived"
        at = notifications[-1].received_at
        if at >= started_at:
            return
        age = time.time() - at
        assert held, (
            f"the last Watchdog notification is {age:.0f} s old, and Alertmanager holds no Watchdog now"
        )
        assert age <= WATCHDOG_PERIOD, f"the last Watchdog notification is {age:.0f} s old"

    return expect


def _age(last: Notification, started_at: float) -> str:
    if last.received_at >= started_at:
        return f"Watchdog notified {last.received_at - started_at:.0f} s after the start"
    return f"Watchdog notified {time.time() - last.received_at:.0f} s ago, still held by Alertmanager"


def _has_events(*events: str) -> Callable[[Lines], None]:
    def expect(lines: Lines) -> None:
        missing = set(events) - {line.fields.get("event") for line in lines}
        assert not missing, f"no line of {', '.join(sorted(missing))}"

    return expect


def _covers(*services: str) -> Callable[[Trace], Any]:
    def expect(trace: Trace) -> None:
        missing = set(services) - trace.services
        assert not missing, f"no span of {', '.join(sorted(missing))}"

    return expect


_FINDERS: dict[str, Finder] = {
    "metric": _metric,
    "log": _log,
    "trace": _trace,
    "error": _error,
    "notification": _notification,
}
