"""The table of services and signals has a row for every service of the application, and each cell a test that exists."""

from __future__ import annotations

from typing import Any

import pytest
from application_signals import SIGNALS, Nothing
from named_tests import missing

IMAGE = "stratum/sample-app"
CELLS = [(service, signal) for service, cells in SIGNALS.items() for signal in cells]


def test_every_service_of_the_application_has_a_row(services: dict[str, dict[str, Any]]) -> None:
    built = {name for name, service in services.items() if service["image"].startswith(IMAGE)}
    assert built == set(SIGNALS)


def test_every_row_has_a_cell_for_each_signal() -> None:
    assert {tuple(cells) for cells in SIGNALS.values()} == {("metrics", "logs", "traces", "errors")}


@pytest.mark.parametrize(("service", "signal"), CELLS)
def test_a_cell_names_tests_that_exist_or_says_why_there_is_none(service: str, signal: str) -> None:
    cell = SIGNALS[service][signal]
    if isinstance(cell, Nothing):
        assert len(cell.why.split()) > 3
    else:
        assert cell
        assert missing(cell) == []


def test_the_replica_is_the_api_again(services: dict[str, dict[str, Any]]) -> None:
    """What is proved of the one is true of the other: it differs in its name, its alias and its ports only."""
    differences = {"profiles", "networks", "ports"}
    api, replica = (
        {key: value for key, value in services[name].items() if key not in differences}
        for name in ("api", "api-replica")
    )
    assert replica == api


@pytest.mark.parametrize(
    "wrong",
    [
        "tests/signals/test_arrival.py::test_metrics_arive[stratum-api]",
        "tests/signals/test_arrival.py::test_metrics_arrive[stratum-apy]",
        "tests/signals/test_arival.py",
    ],
)
def test_a_test_that_does_not_exist_would_be_noticed(wrong: str) -> None:
    assert missing([wrong]) == [wrong]
