"""A stack has settled when every job is scraped and the ingester takes its turns, and not before."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from harness import settling
from harness.clients.prometheus import Sample, Samples, Target
from harness.eventually import Probe, Unmet

UP = Target("loki", "loki:3100", "up", "", "now", 0.01)


class Prometheus:
    """One that says what it is told to."""

    def __init__(self, *targets: Target, age_of_turn: float = 0.3) -> None:
        self.scraped = targets
        self.age_of_turn = age_of_turn

    def targets(self) -> Probe[tuple[Target, ...]]:
        """Give what is scraped."""
        return Probe("targets", "here", lambda: self.scraped)

    def samples(self, query: str) -> Probe[Samples]:
        """Give what was scraped once."""
        ever = Samples(tuple(Sample({"job": job}, 1) for job in ("loki", "stratum-api")))
        return Probe(query, "here", lambda: ever)

    def value(self, query: str) -> Probe[float]:
        """Give the age of a turn."""
        assert query == settling.AGE_OF_TURN
        return Probe(query, "here", lambda: self.age_of_turn)


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_PATIENCE", 0.0)


def test_a_whole_stack_has_settled() -> None:
    settling.settle(Prometheus(UP, replace(UP, job="stratum-api")))


@pytest.mark.parametrize(
    ("prometheus", "said"),
    [
        (Prometheus(UP, replace(UP, job="stratum-api", health="down", error="refused")), "stratum-api"),
        (Prometheus(UP), "stratum-api"),
        (Prometheus(UP, replace(UP, job="stratum-api"), age_of_turn=7), "7 is more than 2"),
    ],
    ids=["a target that does not answer", "a job that nobody was found for", "an ingester that waits"],
)
def test_a_stack_has_not_settled_while_somebody_is_missing(prometheus: Prometheus, said: str) -> None:
    with pytest.raises(Unmet, match=said):
        settling.settle(prometheus)


def test_a_sum_is_asked_for_only_while_all_answer() -> None:
    assert settling.while_all_answer("sum(x)", "loki") == '(sum(x)) unless on () (up{job="loki"} == 0)'


class Scraped:
    """A job whose count is one scrape behind."""

    def __init__(self) -> None:
        self.looked = 0

    def scraped_at(self, job: str) -> Probe[float]:
        """Give the time of the last scrape: one before the question first, then one after it."""
        assert job == "stratum-ingester"
        return Probe("last scrape", "here", self._next)

    def value(self, query: str) -> Probe[float]:
        """Give what the last scrape counted."""
        assert query == settling.while_all_answer("sum(x)", "stratum-ingester")
        return Probe(query, "here", lambda: 61.0 + (self.looked > 1))

    def _next(self) -> float:
        self.looked += 1
        return time.time() + (1 if self.looked > 1 else -1)


def test_what_was_counted_since_the_last_scrape_is_in_the_figure_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settling, "_PATIENCE", 5.0)
    assert settling.counted_so_far(Scraped(), "sum(x)", job="stratum-ingester") == 62
