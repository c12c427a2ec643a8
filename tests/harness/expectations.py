"""What a value must be: functions that assert, for `eventually`, `consistently`, and plain use.

Each has a twin in tests/unit/harness/test_expectations.py that must fail: a checker nobody has seen fail is not trusted.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from harness.ids import Comparison

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sized

    from harness.clients.inbox import Notifications
    from harness.clients.jaeger import Trace
    from harness.clients.prometheus import Exemplar, Target

T = TypeVar("T")


def equals(wanted: object) -> Callable[[object], None]:
    """Expect exactly *wanted*."""

    def expect(value: object) -> None:
        assert value == wanted, f"{value!r} is not {wanted!r}"

    return expect


def at_least(least: float) -> Callable[[float], None]:
    """Expect a number that is not smaller than *least*."""

    def expect(value: float) -> None:
        assert value >= least, f"{value:g} is less than {least:g}"

    return expect


def above(limit: float) -> Callable[[float], None]:
    """Expect a number that is greater than *limit*."""

    def expect(value: float) -> None:
        assert value > limit, f"{value:g} is not above {limit:g}"

    return expect


def later_than(moment: float) -> Callable[[float], None]:
    """Expect a time after *moment*; times have too many digits to be told apart as numbers."""

    def expect(time: float) -> None:
        assert time > moment, f"{moment - time:.2f}s too early"

    return expect


def at_most(most: float) -> Callable[[float], None]:
    """Expect a number that is not greater than *most*."""

    def expect(value: float) -> None:
        assert value <= most, f"{value:g} is more than {most:g}"

    return expect


def has_at_least(least: int) -> Callable[[Sized], None]:
    """Expect so many or more."""

    def expect(value: Sized) -> None:
        assert len(value) >= least, f"{len(value)} of {least}: {value!r}"

    return expect


def has_length(length: int) -> Callable[[Sized], None]:
    """Expect exactly so many."""

    def expect(value: Sized) -> None:
        assert len(value) == length, f"{len(value)} and not {length}: {value!r}"

    return expect


def is_not_empty(value: Sized) -> None:
    """Expect at least one."""
    assert len(value) > 0, "there is none"


def is_empty(value: Sized) -> None:
    """Expect nothing."""
    assert len(value) == 0, f"there is something: {value!r}"


def has_ids(wanted: Iterable[object], *, of: Callable[[T], Iterable[object]]) -> Callable[[T], None]:
    """Expect exactly these ids, each once; what is missing, doubled and foreign is named."""
    expected = frozenset(wanted)

    def expect(value: T) -> None:
        comparison = Comparison.of(expected, of(value))
        assert comparison.is_exact, str(comparison)

    return expect


def has_spans(*names: str) -> Callable[[Trace], None]:
    """Expect a span of every name."""

    def expect(trace: Trace) -> None:
        missing = [name for name in names if not trace.named(name)]
        assert not missing, f"no span named {', '.join(missing)}"

    return expect


def has_services(*services: str) -> Callable[[Trace], None]:
    """Expect that these services, and no other, took part in a trace."""

    def expect(trace: Trace) -> None:
        assert trace.services == set(services), (
            f"spans of {sorted(trace.services)}, not of {sorted(services)}"
        )

    return expect


def is_connected(trace: Trace) -> None:
    """Expect that every span leads back to one first span."""
    loose = ", ".join(f"{span.service}:{span.name}" for span in trace.roots)
    assert trace.is_connected, f"not one tree: {len(trace.roots)} spans have no parent here ({loose})"


def names_trace(trace_id: str) -> Callable[[tuple[Exemplar, ...]], None]:
    """Expect an exemplar of this trace."""

    def expect(exemplars: tuple[Exemplar, ...]) -> None:
        seen = [exemplar.trace_id for exemplar in exemplars]
        assert trace_id in seen, f"none of {len(seen)} exemplars is of trace {trace_id}"

    return expect


def is_firing(notifications: Notifications) -> None:
    """Expect that the last word on an alert is that it fires."""
    assert _last_status(notifications) == "firing", f"not firing: {notifications!r}"


def is_resolved(notifications: Notifications) -> None:
    """Expect that the last word on an alert is that it is over."""
    assert _last_status(notifications) == "resolved", f"not resolved: {notifications!r}"


def is_quiet(notifications: Notifications) -> None:
    """Expect that nobody still waits for an all-clear."""
    assert _last_status(notifications) != "firing", f"the last word was that it fires: {notifications!r}"


def are_one_matter(*about: str) -> Callable[[Notifications], None]:
    """Expect that one message tells of all of them, and that there is no other matter.

    There may be a message before it that tells of some: on a busy machine a group can be told of before Alertmanager has
    heard of its last alert.
    """

    def expect(told: Notifications) -> None:
        assert len(told.about(*about)), f"not told together: {told!r}"
        assert len({one.key for one in told}) == 1, f"told as several matters: {told!r}"
        assert len(told) <= 2, f"told too often: {told!r}"  # the early one and the whole one

    return expect


def are_steady(*, every: float) -> Callable[[Notifications], None]:
    """Expect six heartbeats in a row, so many seconds apart; a machine that stands still breaks a row, and not every one."""

    def expect(heard: Notifications) -> None:
        gaps = [later.received_at - earlier.received_at for earlier, later in pairwise(heard)]
        rows = [gaps[at : at + 5] for at in range(len(gaps) - 4)]
        steady = [row for row in rows if every / 2 < min(row) and max(row) < 1.8 * every]
        assert steady, f"not {every:g} s apart: {', '.join(f'{gap:.1f}' for gap in gaps)}"

    return expect


def all_up(targets: tuple[Target, ...]) -> None:
    """Expect that every target answered its last scrape."""
    down = [
        f"{target.job} at {target.instance} ({target.error})" for target in targets if target.health != "up"
    ]
    assert targets, "no targets at all"
    assert not down, f"not up: {'; '.join(down)}"


def _last_status(notifications: Notifications) -> str:
    return notifications[-1].status if len(notifications) else "silent"
