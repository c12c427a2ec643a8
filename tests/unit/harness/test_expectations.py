"""Each expectation with its twin that must fail, and the words it fails with."""

from dataclasses import replace
from itertools import accumulate, zip_longest

import pytest

from harness import expectations as expect
from harness.clients.inbox import Notification, Notifications
from harness.clients.jaeger import Span, Trace
from harness.clients.prometheus import Exemplar, Target
from harness.eventually import Expectation


def span(span_id: str, parent: str, name: str = "step", service: str = "stratum-api") -> Span:
    return Span(
        span_id, parent, name, service, "internal", 0.0, 1.0, failed=False, attributes={}, resource={}
    )


def trace(*spans: Span) -> Trace:
    return Trace("4bf92f35", spans)


def notifications(*statuses: str) -> Notifications:
    return Notifications(
        tuple(
            Notification(n, float(n), "pagerduty", "pagerduty", status, "APIDown", "k", "s", {})
            for n, status in enumerate(statuses)
        )
    )


def told(*about: str, keys: str = "") -> Notifications:
    """Some, each about something, under one key or under these."""
    each = zip_longest(notifications(*["firing"] * max(len(about), len(keys))), about, keys, fillvalue="")
    return Notifications(
        tuple(replace(one, payload={"about": words or about[-1]}, key=key or "k") for one, words, key in each)
    )


def heartbeats(*gaps: float) -> Notifications:
    moments = list(accumulate(gaps, initial=1_700_000_000.0))
    each = zip(notifications(*["firing"] * len(moments)), moments, strict=True)
    return Notifications(tuple(replace(one, received_at=at) for one, at in each))


def target(health: str, error: str = "") -> Target:
    return Target("stratum-api", "api:9464", health, error, "", 0.0)


WHOLE = trace(
    span("a", "caller", "POST /x"), span("b", "a", "run/x", "stratum-worker"), span("c", "b", "INSERT")
)
LOOSE = trace(span("a", "caller", "POST /x"), span("c", "b", "INSERT"))
DOUBLED = trace(span("a", "caller"), span("b", "a"), span("b", "a"))
LOOPED = trace(span("a", "caller"), span("b", "c"), span("c", "b"))
EXEMPLAR = Exemplar("4bf92f35", 0.01, 1.0, {})

HOLDS_AND_FAILS = {
    "equals": (expect.equals(3), 3, 4, "4 is not 3"),
    "at_least": (expect.at_least(3), 3, 2.5, "2.5 is less than 3"),
    "above": (expect.above(3), 3.5, 3, "3 is not above 3"),
    "later_than": (expect.later_than(1_700_000_000.5), 1_700_000_000.75, 1_700_000_000.0, "0.50s too early"),
    "has_at_least": (expect.has_at_least(2), [1, 2], [1], "1 of 2"),
    "at_most": (expect.at_most(3), 3, 3.5, "3.5 is more than 3"),
    "has_length": (expect.has_length(2), "ab", "abc", "3 and not 2: 'abc'"),
    "is_not_empty": (expect.is_not_empty, [0], [], "there is none"),
    "is_empty": (expect.is_empty, [], [0], "there is something: [0]"),
    "has_ids, one missing": (expect.has_ids("abc", of=list), "cab", "ab", "of 3 ids, 1 missing: c"),
    "has_ids, one doubled": (expect.has_ids("abc", of=list), "abc", "abca", "of 3 ids, 1 doubled: a"),
    "has_ids, one foreign": (expect.has_ids("abc", of=list), "abc", "abcd", "of 3 ids, 1 foreign: d"),
    "has_ids, totals equal": (
        expect.has_ids("abc", of=list),
        "abc",
        "aab",
        "of 3 ids, 1 missing: c; 1 doubled: a",
    ),
    "has_spans": (expect.has_spans("POST /x", "run/x"), WHOLE, LOOSE, "no span named run/x"),
    "has_services": (
        expect.has_services("stratum-api", "stratum-worker"),
        WHOLE,
        LOOSE,
        "spans of ['stratum-api'], not",
    ),
    "is_connected, a span missing": (
        expect.is_connected,
        WHOLE,
        LOOSE,
        "not one tree: 2 spans have no parent here",
    ),
    "is_connected, a span doubled": (expect.is_connected, WHOLE, DOUBLED, "not one tree"),
    "is_connected, a loop": (expect.is_connected, WHOLE, LOOPED, "not one tree"),
    "names_trace": (
        expect.names_trace("4bf92f35"),
        (EXEMPLAR,),
        (),
        "none of 0 exemplars is of trace 4bf92f35",
    ),
    "is_firing": (
        expect.is_firing,
        notifications("firing"),
        notifications("firing", "resolved"),
        "not firing: 2",
    ),
    "is_firing, silence": (expect.is_firing, notifications("firing"), notifications(), "not firing: 0"),
    "is_resolved": (
        expect.is_resolved,
        notifications("firing", "resolved"),
        notifications("firing"),
        "not resolved",
    ),
    "is_quiet": (
        expect.is_quiet,
        notifications("firing", "resolved"),
        notifications("firing", "resolved", "firing"),
        "the last word was that it fires",
    ),
    "are_one_matter": (
        expect.are_one_matter("one", "two"),
        told("one", "one two"),
        told("one", "two"),
        "not told together",
    ),
    "are_one_matter, several": (
        expect.are_one_matter("one", "two"),
        told("one two"),
        told("one two", keys="ab"),
        "told as several matters",
    ),
    "are_one_matter, often": (
        expect.are_one_matter("one", "two"),
        told("one two"),
        told("one", "one two", "one two"),
        "told too often",
    ),
    "are_steady, one broken row": (
        expect.are_steady(every=1.0),
        heartbeats(1, 1, 3, 1, 1, 1, 1, 1),
        heartbeats(1, 1, 1, 1),
        "not 1 s apart: 1.0, 1.0, 1.0, 1.0",
    ),
    "are_steady, every second skipped": (
        expect.are_steady(every=1.0),
        heartbeats(1.1, 0.9, 1, 1, 1.2),
        heartbeats(2, 2, 2, 2, 2, 2),
        "not 1 s apart",
    ),
    "are_steady, too often": (
        expect.are_steady(every=1.0),
        heartbeats(1, 1, 1, 1, 1),
        heartbeats(0.1, 0.1, 0.1, 0.1, 0.1),
        "not 1 s apart",
    ),
    "all_up": (
        expect.all_up,
        (target("up"),),
        (target("up"), target("down", "refused")),
        "not up: stratum-api at",
    ),
    "all_up, none": (expect.all_up, (target("up"),), (), "no targets at all"),
}


@pytest.mark.parametrize(
    ("expectation", "good"), [case[:2] for case in HOLDS_AND_FAILS.values()], ids=HOLDS_AND_FAILS
)
def test_holds(expectation: Expectation[object], good: object) -> None:
    expectation(good)


@pytest.mark.parametrize(
    ("expectation", "bad", "words"),
    [(case[0], *case[2:]) for case in HOLDS_AND_FAILS.values()],
    ids=HOLDS_AND_FAILS,
)
def test_its_twin_fails(expectation: Expectation[object], bad: object, words: str) -> None:
    with pytest.raises(AssertionError) as failure:
        expectation(bad)
    assert str(failure.value).startswith(words)


def test_every_expectation_has_a_twin() -> None:
    public = {name for name, value in vars(expect).items() if callable(value) and not name.startswith("_")}
    ours = {name for name in public if getattr(expect, name).__module__ == expect.__name__}
    assert ours == {case.split(",")[0] for case in HOLDS_AND_FAILS}
