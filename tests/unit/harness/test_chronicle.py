"""Whatever a test breaks has a timeline, without the test's doing; and an all-clear that comes late is still in it."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from harness.chronicle import Chronicle, short
from harness.clients.inbox import Notifications
from harness.clients.prometheus import Sample, Samples
from harness.eventually import Probe
from harness.faults import Fault
from harness.timeline import Timelines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BEGAN = time.time() - 100
OLD = {"alertname": "TargetDown", "alertstate": "firing"}
NEW = {"alertname": "APIDown", "alertstate": "firing"}


class Prometheus:
    """One in which an alert fires as ever, and another since the fault."""

    address = "http://here"

    def firsts(self, series: str, *, at: float) -> list[tuple[Mapping[str, str], float]]:
        """Say since when a symptom shows, or an alert is in a state."""
        assert at >= BEGAN
        if series.startswith("(up == 0"):
            return [({"job": "loki"}, BEGAN + 0.01), ({"job": "stratum-api"}, BEGAN + 1)]
        if "pending" in series:
            return [({**NEW, "alertstate": "pending"}, BEGAN + 2)]
        return [(OLD, BEGAN + 0.2), (NEW, BEGAN + 3)]

    def samples(self, query: str, *, at: float) -> Probe[Samples]:
        """Say what fired when the fault came."""
        assert at == BEGAN
        old = () if "pending" in query else (Sample(OLD, 1),)
        return Probe(query, "here", lambda: Samples(old))


class Inbox:
    """One that holds what is put there."""

    def __init__(self) -> None:
        self.held = [message("APIDown", "firing", 4), message("TargetDown", "firing", 5)]

    def notifications(self, *, since: float) -> Probe[Notifications]:
        """Give what has arrived."""
        assert since == BEGAN
        return Probe("notifications", "here", lambda: Notifications(tuple(self.held)))


def message(alert: str, status: str, after: float) -> SimpleNamespace:
    return SimpleNamespace(alertname=alert, status=status, received_at=BEGAN + after, receiver="pagerduty")


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def chronicle(tmp_path: Path, inbox: Inbox) -> Chronicle:
    """One of a run in which nothing was broken yet."""
    return Chronicle([], Prometheus(), inbox, Timelines(tmp_path, say=lambda _: None))


def break_something(chronicle: Chronicle, times: int = 1) -> None:
    chronicle.healed += [Fault("stopped", "api", at=BEGAN, seconds=0.1, healed_at=BEGAN + 10)] * times


def test_a_test_that_breaks_nothing_has_no_timeline(chronicle: Chronicle, tmp_path: Path) -> None:
    chronicle.test_ended("a, b")
    assert list(tmp_path.iterdir()) == []


def test_what_began_with_the_fault_is_told_and_what_was_there_is_not(chronicle: Chronicle) -> None:
    break_something(chronicle)
    chronicle.test_ended("test_x, test_y")
    (timeline,) = chronicle.written.values()
    told = [(mark.stage, mark.what, round(mark.at - BEGAN, 1)) for mark in timeline.marks]
    assert told == [
        ("fault", "api stopped", 0.0),
        ("healed", "api stopped", 10.0),
        ("symptom", "stratum-api", 1.0),
        ("pending", "APIDown", 2.0),
        ("firing", "APIDown", 3.0),
        ("notified", "APIDown at pagerduty", 4.0),
    ]


def test_each_fault_is_told_once_under_the_test_it_was_of(chronicle: Chronicle) -> None:
    break_something(chronicle, times=3)
    chronicle.test_ended("test_x, test_y")
    chronicle.test_ended("test_x, test_z")
    assert [one.name for one in chronicle.written.values()] == ["test_x, test_y: api stopped (3 times)"]


def test_a_late_all_clear_is_added_when_the_run_ends(
    chronicle: Chronicle, inbox: Inbox, tmp_path: Path
) -> None:
    break_something(chronicle)
    chronicle.test_ended("test_x, test_y")
    inbox.held += [message("APIDown", "resolved", 12), message("APIDown", "resolved", 13)]
    chronicle.run_ended()
    (written,) = tmp_path.glob("*.json")
    marks = json.loads(written.read_text())["marks"]
    assert [round(mark["at"] - BEGAN) for mark in marks if mark["stage"] == "resolved"] == [12]


def test_what_a_fixture_heals_after_the_last_test_is_told_too(chronicle: Chronicle) -> None:
    break_something(chronicle)
    chronicle.run_ended()
    assert list(chronicle.written) == ["after all tests"]


def test_a_test_is_named_by_its_file_and_itself() -> None:
    assert short("tests/signals/test_events.py::test_x[a]") == "test_events, test_x[a]"
