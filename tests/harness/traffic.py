"""Requests at a steady rate, each under an id of its own, while something else happens to the stack.

What is lost under a fault can only be said of requests whose ids are known, and only a bounded rate makes two runs alike:
a slow answer delays the next request, and nobody hurries afterwards to catch up.
"""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING

import requests

from harness.clients.http import cause
from harness.eventually import REAL_TIME, Clock, Probe, eventually
from harness.traceparent import Traceparent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from harness.clients.api import Answer

_PATIENCE = 15.0  # seconds that one answer may take


@dataclass(frozen=True, repr=False)
class Sent:
    """One request, and what was said to it; None where nobody answered."""

    trace_id: str
    answer: Answer | None
    failure: str = ""
    """Why nobody did."""

    def __repr__(self) -> str:
        return repr(self.answer) if self.answer else f"no answer (trace {self.trace_id[:8]}): {self.failure}"


@dataclass
class Traffic:
    """Requests of one run; their trace ids all begin with its prefix, so that a store can be asked for them alone."""

    send: Callable[[Traceparent], Answer]
    rate: float  # requests a second, at most
    at_once: int = 8
    clock: Clock = REAL_TIME
    prefix: str = field(default_factory=lambda: secrets.token_hex(6))
    sent: list[Sent] = field(default_factory=list)
    _due: float = 0.0
    _turn: Lock = field(default_factory=Lock, repr=False)
    _ended: Event = field(default_factory=Event, repr=False)
    _senders: list[Future[None]] = field(default_factory=list, repr=False)

    @contextmanager
    def flowing(self) -> Iterator[Traffic]:
        """Send while the block runs; afterwards every request has had its answer or its failure."""
        with ThreadPoolExecutor(self.at_once, thread_name_prefix="traffic") as senders:
            self._senders = [senders.submit(self._flow) for _ in range(self.at_once)]
            try:
                yield self
            finally:
                self._ended.set()
        for sender in self._senders:
            sender.result()  # a defect of the sending itself is not a loss

    def goes_on_for(self, seconds: float) -> None:
        """Wait so long, and until at least one more request has been answered, or has failed."""
        began, before = self.clock.now(), len(self.sent)
        eventually(
            Probe(
                f"{seconds:g}s more of traffic",
                __name__,
                lambda: (self.clock.now() - began, len(self.sent) - before),
            ),
            _has_lasted(seconds),
            within=seconds + _PATIENCE,
            every=min(0.1, seconds),
            give_up=self._trouble,
            clock=self.clock,
        )

    def answered(self, status: int) -> list[Answer]:
        """Return the answers with this status."""
        return [one.answer for one in self.sent if one.answer is not None and one.answer.status == status]

    def ids(self, status: int) -> set[str]:
        """Return the trace ids of the requests that were answered with this status: what stores must know."""
        return {one.trace_id for one in self.answered(status)}

    def without_claim(self, status: int) -> set[str]:
        """Return the others: whoever was not told so (or not in time, on a busy machine) may be known or not."""
        return {one.trace_id for one in self.sent} - self.ids(status)

    @property
    def unanswered(self) -> list[Sent]:
        """Those that failed before anybody answered."""
        return [one for one in self.sent if one.answer is None]

    def _flow(self) -> None:
        while self._wait_for_turn():
            parent = Traceparent.new(prefix=self.prefix)
            try:
                sent = Sent(parent.trace_id, self.send(parent))
            except requests.RequestException as failure:
                sent = Sent(parent.trace_id, None, cause(failure))
            self.sent.append(sent)

    def _wait_for_turn(self) -> bool:
        with self._turn:
            now = self.clock.now()
            turn = max(self._due, now)
            self._due = turn + 1 / self.rate
        self.clock.sleep(turn - now)
        return not self._ended.is_set()

    def _trouble(self) -> str | None:
        broken = [one.exception() for one in self._senders if one.done()]
        return f"nobody sends any more: {broken[0]!r}" if len(broken) == len(self._senders) else None


def _has_lasted(seconds: float) -> Callable[[tuple[float, int]], None]:
    def expect(seen: tuple[float, int]) -> None:
        passed, requests_ended = seen
        assert passed >= seconds, f"{passed:.1f}s of {seconds:g}s"
        assert requests_ended, f"no request ended in {passed:.1f}s"

    return expect
