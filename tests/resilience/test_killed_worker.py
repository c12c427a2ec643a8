"""The Celery worker is killed in mid-task: no task is lost, and none is decided twice."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from harness import loss
from harness.eventually import eventually
from harness.expectations import is_not_empty
from harness.loss import LossRow, settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clients.database import Database
    from harness.clients.loki import Loki
    from harness.faults import Faults
    from harness.ids import Comparison
    from harness.measurements import Measurements
    from harness.traffic import Traffic

pytestmark = pytest.mark.slow

FAULT = "worker killed in mid-task"


@dataclass(frozen=True)
class Death:
    """What was asked for around it, and what was decided of that before the scheduler was back."""

    traffic: Traffic
    began: float
    decided: Comparison


@pytest.fixture(scope="module")
def death(executing: Callable[[float], Traffic], faults: Faults, database: Database) -> Death:
    """Hold tasks up inside their transaction, kill their worker, let go, start it again.

    The scheduler is away: it would send lost messages again, and hide that the broker had lost them.
    """
    traffic, began = executing(20), time.time()
    with faults.stopped("scheduler"):
        with ExitStack() as mid_task:
            mid_task.enter_context(database.locked("signals"))
            with traffic.flowing():
                traffic.goes_on_for(0.5)
            eventually(database.held_up("stratum-worker"), is_not_empty, within=15, every=0.1)
            with faults.killed("worker"):
                mid_task.close()
        rows = loss.but(loss.rows(database, traffic.prefix, decided=True), traffic.without_claim(202))
        decided = settled(rows, traffic.ids(202), within=60, patience=45)
    return Death(traffic, began, decided)


def test_no_task_is_lost(death: Death, losses: Measurements) -> None:
    """The broker hands out again what was not acknowledged, after the visibility timeout."""
    row = LossRow.of(f"tasks lost, {FAULT}", death.decided, unit="tasks")
    assert losses.add(row) == "holds", str(death.decided)


def test_no_task_is_decided_twice(death: Death, loki: Loki, losses: Measurements) -> None:
    """Each decision is logged once.

    Held up before its COMMIT, no task of this test can die between COMMIT and line: that gap is known, and loses the
    line and the count of at most one decision per process of the worker, never the decision.
    """
    lines = loss.lines(
        loki,
        death.traffic.prefix,
        service="stratum-worker",
        event="automation_executed",
        since=death.began - 1,
    )
    traffic = death.traffic
    comparison = settled(loss.but(lines, traffic.without_claim(202)), traffic.ids(202))
    row = LossRow.of(f"decisions not logged once, {FAULT}", comparison, unit="decisions")
    assert losses.add(row) == "holds", str(comparison)
