"""Figures that tests measure, on their way to build/*.json (in the one shape that launcher.measurements writes)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from launcher.measurements import Row, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass
class Measurements:
    """The rows of one file; written at each addition, so that a run that breaks off leaves what it has."""

    path: Path
    rows: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> str:
        """Keep a row (one of the same name is replaced), and return its verdict."""
        self.rows = [*(one for one in self.rows if one.what != row.what), row]
        write(self.path, self.rows)
        return row.verdict


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that *share* of the values do not exceed (nearest rank: no value is made up)."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
