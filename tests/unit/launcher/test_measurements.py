"""A figure's verdict, and the file it goes to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

import pytest
from launcher.measurements import Row, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("measured", "better", "verdict"),
    [
        (1.0, "lower", "holds"),
        (1.01, "lower", "falls short"),
        (1.0, "higher", "holds"),
        (0.99, "higher", "falls short"),
        (None, "lower", "not measured: no engine"),
    ],
)
def test_the_verdict(measured: float | None, better: Literal["lower", "higher"], verdict: str) -> None:
    assert (
        Row(what="x", measured=measured, limit=1.0, unit="s", better=better, reason="no engine").verdict
        == verdict
    )


def test_the_file_has_the_common_shape(tmp_path: Path) -> None:
    write(
        tmp_path / "build" / "x.json",
        [Row(what="ready", measured=1.23456, limit=30, unit="s")],
        ready_seconds=1.2,
    )
    content = json.loads((tmp_path / "build" / "x.json").read_text())

    assert content["rows"] == [
        {"what": "ready", "measured": 1.2346, "limit": 30, "better": "lower", "unit": "s", "verdict": "holds"}
    ]
    assert {"commit", "cores", "ready_seconds"} <= set(content)
