"""The contract of waiting, by name."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.eventually import NotYet, Probe, Unmet, consistently, eventually
from unit.harness.fake_time import FakeTime


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


def answers(*given: object) -> Probe[Any]:
    """Answer each question with the next value, the last one for ever; raise what is an exception."""
    waiting = list(given)

    def read() -> Any:  # noqa: ANN401 - whatever the test wants to be seen
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Probe("orders in the store", "http://127.0.0.1/orders", read)


def at_least(least: float) -> Callable[[float], None]:
    def expect(value: float) -> None:
        if value < least:  # no `assert`: pytest would add words of its own to the message under test
            raise AssertionError(f"{value} is less than {least}")

    return expect


def even(value: int) -> None:
    if value % 2:
        raise AssertionError(f"{value} is odd")


def test_eventually_returns_the_first_value_that_holds(time: FakeTime) -> None:
    assert eventually(answers(NotYet("404"), 1, 3, 9), at_least(2), clock=time.clock) == 3


def test_eventually_without_expectations_waits_for_an_answer(time: FakeTime) -> None:
    assert eventually(answers(NotYet("404"), None), clock=time.clock) is None


def test_eventually_asks_once_even_with_no_time(time: FakeTime) -> None:
    assert eventually(answers(5), at_least(5), within=0, clock=time.clock) == 5
    with pytest.raises(Unmet, match="gave up after 0s and 1 polls"):
        eventually(answers(4), at_least(5), within=0, clock=time.clock)


@given(within=st.floats(0, 100), every=st.floats(0.01, 50), question=st.floats(0, 20))
def test_eventually_always_asks_at_the_deadline(within: float, every: float, question: float) -> None:
    time = FakeTime()
    asked: list[float] = []

    def read() -> None:
        asked.append(time.passed)
        time.passed += question
        raise NotYet("404")

    with pytest.raises(Unmet):
        eventually(Probe("x", "y", read), within=within, every=every, clock=time.clock)
    assert asked[0] == 0
    assert asked[-1] >= within
    assert all(at < within for at in asked[:-1])
    assert all(nap >= 0 for nap in time.naps)


def test_eventually_says_what_it_saw_and_when_it_changed(time: FakeTime) -> None:
    probe = answers(NotYet("404 no such order"), NotYet("404 no such order"), 1, 2)
    with pytest.raises(Unmet) as failure:
        eventually(probe, at_least(3), within=2, every=0.5, clock=time.clock)
    assert str(failure.value) == (
        "orders in the store: gave up after 2s and 5 polls\n"
        "  +  0.00s  nothing yet (404 no such order)\n"
        "  +  1.00s  1\n"
        "  +  1.50s  2\n"
        "unmet: 2 is less than 3\n"
        "see:   http://127.0.0.1/orders"
    )


def test_eventually_reports_every_expectation_that_failed(time: FakeTime) -> None:
    with pytest.raises(Unmet) as failure:
        eventually(answers(1), at_least(2), even, within=0, clock=time.clock)
    assert len(failure.value.unmet) == 2
    assert failure.value.unmet[0] == "1 is less than 2"


def test_eventually_names_an_expectation_that_says_nothing(time: FakeTime) -> None:
    def silent(_value: object) -> None:
        raise AssertionError

    with pytest.raises(Unmet, match="unmet: silent does not hold"):
        eventually(answers(1), silent, within=0, clock=time.clock)


def test_a_counter_that_changes_with_every_poll_is_shown_by_its_ends(time: FakeTime) -> None:
    with pytest.raises(Unmet) as failure:
        eventually(answers(*range(100)), at_least(1000), within=30, every=0.5, clock=time.clock)
    shown = str(failure.value.sightings).splitlines()
    assert len(shown) == 13
    assert "... 49 more changes ..." in shown[6]
    assert shown[0].endswith("  0")
    assert shown[-1].endswith("  60")


def test_a_long_value_is_cut_to_one_line(time: FakeTime) -> None:
    with pytest.raises(Unmet) as failure:
        eventually(answers("x\n" * 5000), never, within=0, clock=time.clock)
    assert len(failure.value.sightings.changes[0][1]) < 400
    assert "\n" not in failure.value.sightings.changes[0][1]


def never(_value: object) -> None:
    raise AssertionError("never")


def test_a_bug_in_the_probe_surfaces_at_once(time: FakeTime) -> None:
    with pytest.raises(KeyError):
        eventually(answers(KeyError("data")), clock=time.clock)
    assert time.passed == 0


def test_a_bug_in_an_expectation_surfaces_at_once(time: FakeTime) -> None:
    with pytest.raises(TypeError):
        eventually(answers("three"), at_least(3), clock=time.clock)
    assert time.passed == 0


def test_give_up_ends_the_wait_and_says_why(time: FakeTime) -> None:
    reasons = iter([None, None, "worker exited 1"])
    with pytest.raises(Unmet, match=r"hopeless after 0.5s\n(.|\n)*unmet: worker exited 1\nunmet: 404"):
        eventually(answers(NotYet("404")), give_up=lambda: next(reasons), clock=time.clock)


def test_give_up_is_not_asked_when_the_value_holds(time: FakeTime) -> None:
    assert eventually(answers(5), give_up=lambda: "too late", clock=time.clock) == 5


def test_a_failed_wait_is_a_failed_assertion(time: FakeTime) -> None:
    with pytest.raises(AssertionError):
        eventually(answers(NotYet("404")), within=0, clock=time.clock)


@pytest.mark.parametrize(("within", "every"), [(-1, 1), (1, 0), (1, -1)])
def test_impossible_waits_are_refused(within: float, every: float) -> None:
    with pytest.raises(ValueError, match="cannot wait"):
        eventually(answers(1), within=within, every=every)
    with pytest.raises(ValueError, match="cannot wait"):
        consistently(answers(1), during=within, every=every)


def test_consistently_returns_what_was_read_last_when_the_window_closes(time: FakeTime) -> None:
    assert consistently(answers(1, 2, 3), at_least(1), during=2, clock=time.clock) == 3
    assert time.passed == 2


def test_consistently_asks_at_the_end_of_the_window(time: FakeTime) -> None:
    with pytest.raises(Unmet, match="broken after 1s of 1s"):
        consistently(answers(1, 0), at_least(1), during=1, every=10, clock=time.clock)


def test_consistently_says_when_it_broke(time: FakeTime) -> None:
    with pytest.raises(Unmet) as failure:
        consistently(answers(1, 1, 0), at_least(1), during=5, every=0.5, clock=time.clock)
    assert str(failure.value) == (
        "orders in the store: broken after 1s of 5s\n"
        "  +  0.00s  1\n"
        "  +  1.00s  0\n"
        "unmet: 0 is less than 1\n"
        "see:   http://127.0.0.1/orders"
    )


def test_consistently_is_broken_by_a_store_that_has_nothing(time: FakeTime) -> None:
    with pytest.raises(Unmet, match=r"broken after 0.25s of 5s\n(.|\n)*nothing \(connection refused\)"):
        consistently(answers(1, NotYet("connection refused")), during=5, clock=time.clock)
