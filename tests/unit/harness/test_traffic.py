"""Traffic is steady, bounded, and accounted for: every request has an id, and an answer or a failure."""

import threading
from dataclasses import dataclass, field

import pytest
import requests

from harness.clients.api import Answer
from harness.eventually import Probe, Unmet, consistently, eventually
from harness.expectations import at_least, equals
from harness.traceparent import Traceparent
from harness.traffic import Sent, Traffic
from unit.harness.fake_time import FakeTime


def answer(parent: Traceparent, status: int = 202) -> Answer:
    return Answer(status, parent.trace_id, parent.span_id, "", 0.0, {}, "", None)


@dataclass
class Service:
    """Whoever is asked: counts who asks at once, and can fail."""

    failure: Exception | None = None
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    slow: threading.Event | None = None

    def __call__(self, parent: Traceparent) -> Answer:
        """Answer, or fail."""
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.slow:
                self.slow.wait(30)
            if self.failure:
                raise self.failure
            return answer(parent)
        finally:
            with self.lock:
                self.at_once -= 1


def turns(traffic: Traffic, time: FakeTime, number: int) -> list[float]:
    taken = []
    for _ in range(number):
        assert traffic._wait_for_turn()
        taken.append(round(time.passed, 6))
    return taken


def test_requests_are_sent_at_the_rate() -> None:
    time = FakeTime()
    assert turns(Traffic(answer, rate=10, clock=time.clock), time, 4) == [0, 0.1, 0.2, 0.3]


def test_nobody_catches_up_after_a_slow_answer() -> None:
    time = FakeTime()
    traffic = Traffic(answer, rate=10, clock=time.clock)
    turns(traffic, time, 2)
    time.passed = 5.0
    assert turns(traffic, time, 3) == [5.0, 5.1, 5.2]


def test_every_request_has_an_id_of_its_own_and_of_its_run() -> None:
    traffic = Traffic(Service(), rate=1000)
    with traffic.flowing():
        traffic.goes_on_for(0.05)
    ids = [one.trace_id for one in traffic.sent]
    assert len(set(ids)) == len(ids) > 1
    assert {one[: len(traffic.prefix)] for one in ids} == {traffic.prefix}
    assert [one.trace_id for one in traffic.answered(202)] == ids
    assert traffic.answered(500) == []


def test_two_runs_share_no_ids() -> None:
    assert Traffic(answer, rate=1).prefix != Traffic(answer, rate=1).prefix


def test_a_request_that_nobody_answers_is_kept_as_such() -> None:
    traffic = Traffic(Service(failure=requests.ConnectionError("Connection refused")), rate=1000)
    with traffic.flowing():
        traffic.goes_on_for(0.02)
    assert len(traffic.unanswered) == len(traffic.sent) > 0
    assert repr(traffic.sent[0]).endswith(f"(trace {traffic.prefix[:8]}): connection refused")


def test_only_what_was_answered_so_has_a_claim() -> None:
    traffic = Traffic(answer, rate=1)
    parents = [Traceparent.new(prefix=traffic.prefix) for _ in range(3)]
    told = (answer(parents[0]), answer(parents[1], status=503), None)
    traffic.sent = [Sent(parent.trace_id, one) for parent, one in zip(parents, told, strict=True)]
    assert traffic.ids(202) == {parents[0].trace_id}
    assert traffic.without_claim(202) == {parent.trace_id for parent in parents[1:]}


def test_no_more_are_under_way_than_may_be() -> None:
    service = Service(slow=threading.Event())
    traffic = Traffic(service, rate=1000, at_once=3)
    with traffic.flowing():
        at_once = Probe("requests under way", "memory", lambda: service.at_once)
        eventually(at_once, at_least(3), every=0.01)
        consistently(at_once, equals(3), during=0.1)
        service.slow.set()
        traffic.goes_on_for(0.2)
    assert service.most_at_once == 3


def test_nothing_is_sent_after_the_block() -> None:
    traffic = Traffic(Service(), rate=1000)
    with traffic.flowing():
        traffic.goes_on_for(0.01)
    assert not traffic._wait_for_turn()


def test_a_defect_of_the_sending_ends_the_wait_and_surfaces() -> None:
    traffic = Traffic(Service(failure=KeyError("automation_id")), rate=1000)
    with pytest.raises(Unmet, match=r"nobody sends any more: KeyError\('automation_id'\)"), traffic.flowing():
        traffic.goes_on_for(60)
