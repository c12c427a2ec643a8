"""The API is killed under traffic: whoever was told "accepted" finds the execution in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import loss
from harness.loss import LossRow, settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clients.database import Database
    from harness.faults import Faults
    from harness.measurements import Measurements
    from harness.traffic import Traffic

pytestmark = pytest.mark.slow

RATE = 40.0


def test_what_was_accepted_is_in_the_database(
    executing: Callable[[float], Traffic], faults: Faults, database: Database, losses: Measurements
) -> None:
    """Each accepted one once; one whose answer the kill cut off may be there too, and has no claim."""
    traffic = executing(RATE)
    with traffic.flowing():
        traffic.goes_on_for(2)
        with faults.killed("api"):
            traffic.goes_on_for(1)
        traffic.goes_on_for(1)
    assert traffic.unanswered, "nobody noticed that the API was killed"
    rows = loss.but(loss.rows(database, traffic.prefix), traffic.without_claim(202))
    comparison = settled(rows, traffic.ids(202))
    row = LossRow.of("accepted executions lost, API killed", comparison, unit="executions")
    assert losses.add(row) == "holds", str(comparison)
