"""The one shape in which every figure of the project is written down (design, part 9)."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Row:
    """One promise: what was measured against what was promised."""

    what: str
    measured: float | None  # None: it could not be measured, `reason` says why
    limit: float
    unit: str
    better: Literal["lower", "higher"] = "lower"
    reason: str = ""

    @property
    def verdict(self) -> str:
        """`holds`, `falls short`, or `not measured: <reason>`."""
        if self.measured is None:
            return f"not measured: {self.reason}"
        holds = self.measured <= self.limit if self.better == "lower" else self.measured >= self.limit
        return "holds" if holds else "falls short"

    def as_json(self) -> dict[str, Any]:
        """The row as it stands in build/*.json."""
        measured = None if self.measured is None else round(self.measured, 4)
        common = {"what": self.what, "measured": measured, "limit": self.limit, "better": self.better}
        return {**common, "unit": self.unit, "verdict": self.verdict}


def write(path: Path, rows: Sequence[Row], **extra: Any) -> None:  # noqa: ANN401 -- any JSON
    """Write *rows*, and what else belongs to this file, as build/*.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "commit": _commit(path.parent),
        "cores": os.cpu_count(),
        "rows": [row.as_json() for row in rows],
        **extra,
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def _commit(folder: Path) -> str:
    command = ["git", "describe", "--always", "--dirty"]
    try:
        return (
            subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout.strip()
            or "unknown"
        )
    except FileNotFoundError:
        return "unknown"
