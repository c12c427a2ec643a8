"""A row of build/alerts.json: how soon an alert came, and what else is written down about it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from launcher.measurements import Row

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class AlertRow(Row):
    """One rule: its fault, the time to the first receiver, the time to the last all-clear."""

    fault: str
    factor: float
    resolved_after: float  # NaN where nothing resolved
    receivers: tuple[str, ...]
    began: float = 0.0
    """Seconds from the beginning of the run to the fault."""
    stages: Mapping[str, float | None] = field(default_factory=dict)
    """Seconds from the fault to each stage of its timeline."""

    def as_json(self) -> dict[str, Any]:
        """The row as it stands in build/alerts.json."""
        return {
            **super().as_json(),
            "fault": self.fault,
            "factor": self.factor,
            "receivers": list(self.receivers),
            "resolved_after": _rounded(self.resolved_after),
            "began": _rounded(self.began),
            "stages": {stage: _rounded(seconds) for stage, seconds in self.stages.items()},
        }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None or math.isnan(seconds) else round(seconds, 4)
