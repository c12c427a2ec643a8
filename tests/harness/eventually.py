"""Wait for the stack to catch up and, if it does not, say what was seen instead.

    eventually    returns what was read, the first time every expectation holds
    consistently  returns what was read last, if every expectation held throughout

An expectation is a function that asserts.
Only a failed assertion and `NotYet` mean "ask again"; any other exception is a bug and surfaces at once,
so a misspelt query fails in a second and not in thirty.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn, TypeVar

T = TypeVar("T")
Expectation = Callable[[T], Any]
Reason = Callable[[], "str | None"]

_LONGEST_LINE = 300
_CHANGES_SHOWN = 12


class NotYet(Exception):  # noqa: N818 - it is an answer of a store, not an error
    """A store answered, or is away, and what was asked for is not there yet."""


class Unmet(AssertionError):  # noqa: N818 - a failed assertion, as pytest shows them
    """What was waited for did not come (or did not last); carries what the message is made of."""

    def __init__(self, headline: str, *, sightings: Sightings, unmet: list[str], where: str) -> None:
        self.headline = headline
        self.sightings = sightings
        self.unmet = unmet
        self.where = where
        wanted = "\n".join(f"unmet: {reason}" for reason in unmet)
        super().__init__(f"{headline}\n{sightings}\n{wanted}\nsee:   {where}")


@dataclass(frozen=True)
class Probe(Generic[T]):
    """One question to one store, which knows its own name and where a person can ask the same."""

    what: str  # completes "waiting for ...": "trace 4bf92f35 in Jaeger"
    where: str  # a link to open
    read: Callable[[], T]

    def now(self) -> T:
        """Ask once, without waiting."""
        return self.read()


@dataclass(frozen=True)
class Clock:
    """The only place in the project that may sleep; replaced by a fake in the harness's own tests."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


REAL_TIME = Clock()

onlookers: list[Callable[[Unmet], object]] = []
"""Each is shown a wait that failed, at once: the fault it may be about is healed as the exception goes up."""


@dataclass
class Sightings:
    """What a probe saw, one entry per change, so that sixty polls read as three lines."""

    polls: int = 0
    changes: list[tuple[float, str]] = field(default_factory=list)

    def add(self, at: float, seen: str) -> None:
        """Count a poll, and keep what it saw if it differs from the poll before."""
        self.polls += 1
        line = " ".join(seen.split())
        line = line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}... ({len(line)} characters)"
        if not self.changes or self.changes[-1][1] != line:
            self.changes.append((at, line))

    def __str__(self) -> str:
        lines = [f"  +{at:6.2f}s  {seen}" for at, seen in self.changes]
        hidden = len(lines) - _CHANGES_SHOWN
        if hidden > 1:  # a counter changes with every poll: the ends tell the story
            half = _CHANGES_SHOWN // 2
            lines[half:-half] = [f"            ... {hidden} more changes ..."]
        return "\n".join(lines)


def eventually(
    probe: Probe[T],
    *expectations: Expectation[T],
    within: float = 30.0,
    every: float = 0.25,
    give_up: Reason | None = None,
    clock: Clock = REAL_TIME,
) -> T:
    """Poll *probe* until every expectation holds, and return what was read.

    Args:
        probe: The question.
        expectations: What must hold of the answer; each asserts. All that fail are reported.
        within: Seconds to keep asking. There is always one poll, and always one at the deadline.
        every: Seconds between the end of one poll and the next.
        give_up: Asked after each poll that did not do; a reason ends the wait at once.
        clock: Real time, unless a test of the harness gives another.
    """
    __tracebackhide__ = True  # pytest points at the test, not at this loop
    _check(within, every)
    start, sightings = clock.now(), Sightings()
    while True:
        asked_at = clock.now() - start
        try:
            value = probe.read()
        except NotYet as reason:
            sightings.add(asked_at, f"nothing yet ({reason})")
            unmet = [str(reason)]
        else:
            sightings.add(asked_at, repr(value))
            unmet = _unmet(value, expectations)
            if not unmet:
                return value

        hopeless = give_up() if give_up else None
        if hopeless:
            unmet.insert(0, hopeless)
            _fail(f"{probe.what}: hopeless after {asked_at:.3g}s", probe, sightings, unmet)
        if asked_at >= within:
            headline = f"{probe.what}: gave up after {within:g}s and {sightings.polls} polls"
            _fail(headline, probe, sightings, unmet)
        clock.sleep(max(0.0, min(every, start + within - clock.now())))


def consistently(
    probe: Probe[T],
    *expectations: Expectation[T],
    during: float = 5.0,
    every: float = 0.25,
    clock: Clock = REAL_TIME,
) -> T:
    """Poll *probe* for the whole window; every expectation must hold every time.

    For absences: "no second page", "no span carries the card number".
    A probe that answers `NotYet` breaks it: something that must hold has to be there.
    """
    __tracebackhide__ = True
    _check(during, every)
    start, sightings = clock.now(), Sightings()
    while True:
        asked_at = clock.now() - start
        headline = f"{probe.what}: broken after {asked_at:.3g}s of {during:g}s"
        try:
            value = probe.read()
        except NotYet as reason:
            sightings.add(asked_at, f"nothing ({reason})")
            _fail(headline, probe, sightings, [str(reason)])
        sightings.add(asked_at, repr(value))
        unmet = _unmet(value, expectations)
        if unmet:
            _fail(headline, probe, sightings, unmet)
        if asked_at >= during:
            return value
        clock.sleep(max(0.0, min(every, start + during - clock.now())))


def _check(length: float, every: float) -> None:
    if length < 0 or every <= 0:
        raise ValueError(f"cannot wait for {length:g}s, asking every {every:g}s")


def _unmet(value: T, expectations: tuple[Expectation[T], ...]) -> list[str]:
    failures = []
    for expect in expectations:
        try:
            expect(value)
        except AssertionError as failure:
            failures.append(str(failure) or f"{getattr(expect, '__name__', expect)} does not hold")
    return failures


def _fail(headline: str, probe: Probe[Any], sightings: Sightings, unmet: list[str]) -> NoReturn:
    __tracebackhide__ = True
    failure = Unmet(headline, sightings=sightings, unmet=unmet, where=probe.where)
    for look in onlookers:
        look(failure)
    raise failure
