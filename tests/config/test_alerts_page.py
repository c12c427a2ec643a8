"""The page of all alerts is what the rules, the table and the committed times make it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from alerting.alert_faults import FAULTS, NOT_YET
from alerting.alerts_page import PAGE, PICTURE, TIMES, last_run, page, picture

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def times() -> dict[str, object]:
    """The committed ones."""
    return dict(json.loads(TIMES.read_text(encoding="utf-8")))


def test_the_page_is_current(times: dict[str, object]) -> None:
    """`make alerts-page` writes it."""
    assert PAGE.read_text(encoding="utf-8") == page(times)


def test_the_picture_is_current(times: dict[str, object]) -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(times)


def test_every_rule_is_on_it_and_has_a_time_unless_it_says_why_not() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| [")]
    assert len(lines) == len(FAULTS)
    assert sum("not yet" in line for line in lines) == len(NOT_YET)


def test_times_of_a_run_that_did_not_prove_every_rule_are_not_taken(tmp_path: Path) -> None:
    assert last_run(tmp_path / "none.json") is None
    half = tmp_path / "alerts.json"
    half.write_text(json.dumps({"commit": "x", "rows": [{"what": "APIDown", "stages": {}}]}))
    assert last_run(half) is None
