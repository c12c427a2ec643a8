"""A report says how the machine spent the time of the test that failed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from harness import machine
from harness.machine import Processors

BEFORE = Processors(total=1000.0, idle=100.0, stolen=50.0)


def test_what_is_told_is_of_the_time_between() -> None:
    later = Processors(total=1040.0, idle=110.0, stolen=62.0)
    assert later.since(BEFORE) == "processors 25% idle, 30% taken by the host"


def test_of_no_time_nothing_is_told() -> None:
    assert BEFORE.since(BEFORE) == "too short a time to tell"


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        (
            {"user": 10.0, "idle": 5.0, "steal": 2.0, "guest": 3.0, "guest_nice": 1.0},
            Processors(17.0, 5.0, 2.0),
        ),
        ({"user": 10.0, "nice": 1.0, "system": 2.0, "idle": 5.0}, Processors(18.0, 5.0, 0.0)),
    ],
    ids=["of Linux, where guests are counted twice", "of a system that knows of no host"],
)
def test_the_counters_are_those_of_the_system(
    monkeypatch: pytest.MonkeyPatch, times: dict[str, float], wanted: Processors
) -> None:
    monkeypatch.setattr(machine.psutil, "cpu_times", lambda: SimpleNamespace(_asdict=lambda: times))
    assert Processors.now() == wanted


def test_the_memory_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(available=3 << 29, total=8 << 30)
    monkeypatch.setattr(machine.psutil, "virtual_memory", lambda: found)
    assert machine.memory() == "1.5 of 8.0 GiB of memory left"
