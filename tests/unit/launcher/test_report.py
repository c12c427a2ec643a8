"""What `make up` prints and writes when it is done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
from launcher import report
from launcher.containers import State
from launcher.environment import Environment
from launcher.up import Prepared, Watch

from harness.canary import Evidence

if TYPE_CHECKING:
    from pathlib import Path

EVIDENCE = [
    Evidence(
        signal="trace", store="jaeger", seconds=0.3, where="http://127.0.0.1:1/trace/ab", what="10 spans"
    )
]


def state(service: str, health: str) -> State:
    return State(service, "running", health, 0, 0, "image", "sha256:1", Mock())


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment.for_project("stratum-test-1", folder=tmp_path)


@pytest.fixture
def states() -> dict[str, State]:
    return {"jaeger": state("jaeger", "healthy"), "redis-exporter": state("redis-exporter", "")}


def test_every_address_is_printed_whole(
    environment: Environment, states: dict[str, State], capsys: pytest.CaptureFixture[str]
) -> None:
    report.show(environment, states, Prepared({"jaeger": "built"}, made_images=False), EVIDENCE, Watch())
    printed = capsys.readouterr().out

    assert environment.address("JAEGER_PORT") in printed
    assert EVIDENCE[0].where in printed
    assert str(environment.secrets) in printed
    assert "answers" in printed, "what has no healthcheck was probed from outside"


@pytest.mark.parametrize(
    ("fresh", "made_images", "limit"), [(False, False, 30.0), (True, False, 60.0), (True, True, 1200.0)]
)
def test_the_limit_is_that_of_the_start_it_was(
    environment: Environment,
    states: dict[str, State],
    *,
    fresh: bool,
    made_images: bool,
    limit: float,
) -> None:
    prepared = Prepared({"jaeger": "built"}, made_images=made_images)
    report.record(environment, states, prepared, EVIDENCE, Watch(), fresh=fresh)
    written = json.loads((environment.folder / "up.json").read_text())

    assert written["rows"][0]["limit"] == limit
    assert written["images"] == {"jaeger": "built"}
    assert written["signals"][0]["store"] == "jaeger"
    assert {one["service"]: one["state"] for one in written["services"]} == {
        "jaeger": "healthy",
        "redis-exporter": "answers",
    }
    assert written["ready_seconds"] >= 0
