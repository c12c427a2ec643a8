"""What was measured, beside its limit: one shape for every file in build/ (see docs on budgets)."""

from __future__ import annotations

import json
import math
import os
import subprocess
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One budget: what it is about, what was measured, what it may be."""

    what: str
    measured: float | None
    limit: float
    unit: str
    better: Literal["lower", "higher"] = "lower"
    reason: str = ""  # why nothing was measured

    @property
    def holds(self) -> bool:
        """Whether the budget is kept; what was not measured is not."""
        if self.measured is None or math.isnan(self.measured):
            return False
        return self.measured <= self.limit if self.better == "lower" else self.measured >= self.limit

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        if self.measured is None or math.isnan(self.measured):
            return f"not measured: {self.reason or 'no value'}"
        return "holds" if self.holds else "falls short"

    def document(self) -> dict[str, Any]:
        """Return the row as it is written."""
        row = {key: value for key, value in asdict(self).items() if key != "reason"}
        measured = self.measured if self.measured is None or math.isfinite(self.measured) else None
        return {**row, "measured": measured, "verdict": self.verdict}


@dataclass
class Measurements:
    """The rows of one file; written at each addition, so that a run that breaks off leaves what it has."""

    path: Path
    rows: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> Row:
        """Keep a row; one of the same name is replaced."""
        self.rows = [*(one for one in self.rows if one.what != row.what), row]
        write(self.path, [one.document() for one in self.rows])
        return row


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows, with the commit and the machine they belong to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"commit": commit(path.parent), "cores": os.cpu_count() or 1, "rows": list(rows)}
    path.write_text(json.dumps(document, indent=1) + "\n")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that *share* of the values do not exceed (nearest rank: no value is made up)."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def commit(folder: Path) -> str:
    """Return the commit of a checkout; "none" before the first."""
    asked = ["git", "-C", str(folder), "rev-parse", "--verify", "HEAD"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "none"
