"""Percentiles that are measured values, and files that grow with each row."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from launcher.measurements import Row

from harness.measurements import Measurements, percentile


@pytest.mark.parametrize(("share", "value"), [(0.95, 19), (0.5, 10), (1, 20), (0, 1)])
def test_percentile_of_twenty(share: float, value: int) -> None:
    assert percentile(list(range(20, 0, -1)), share) == value


@given(st.lists(st.floats(0, 10), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_enough_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9


def test_no_values_have_no_percentile() -> None:
    assert math.isnan(percentile([], 0.95))


def test_a_row_measured_again_replaces_the_first(tmp_path: Path) -> None:
    measurements = Measurements(tmp_path / "build" / "x.json")
    assert measurements.add(Row(what="a", measured=2, limit=1, unit="s")) == "falls short"
    assert measurements.add(Row(what="b", measured=1, limit=1, unit="s")) == "holds"
    assert measurements.add(Row(what="a", measured=1, limit=1, unit="s")) == "holds"
    rows = json.loads(measurements.path.read_text())["rows"]
    assert [(row["what"], row["verdict"]) for row in rows] == [("b", "holds"), ("a", "holds")]
