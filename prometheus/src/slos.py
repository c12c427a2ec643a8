"""What was promised to users: the files of prometheus/slos/, read and checked.

A promise with a mistake in it would become rules that look right and never fire, so a mistake is refused here, by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import promql_parser
import yaml

if TYPE_CHECKING:
    from pathlib import Path

_RANGE = re.compile(r"\[([^\]]*)\]")
_RECORDED = "5m"


class WrongSLOError(ValueError):
    """A promise that cannot be turned into rules."""


@dataclass(frozen=True)
class SLO:
    """One promise, in words and numbers."""

    slo: str
    objective: float
    noticed: str
    team: str
    events: str
    errors: str
    floor: float

    @property
    def budget(self) -> float:
        """The share of events that may be bad."""
        return round(1 - self.objective, 9)


def load(folder: Path) -> list[SLO]:
    """Read every promise, in the order of the files' names."""
    return [read(path) for path in sorted(folder.glob("*.yml"))]


def read(path: Path) -> SLO:
    """Read one promise.

    Raises:
        WrongSLOError: It says what is wrong in which file.
    """
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    wanted = {field.name for field in fields(SLO)}
    if set(document) != wanted:
        raise WrongSLOError(
            f"{path.name}: keys that are missing or unknown: {sorted(set(document) ^ wanted)}"
        )
    slo = SLO(**document)
    problems = list(_problems(slo, path.stem))
    if problems:
        raise WrongSLOError(f"{path.name}: {'; '.join(problems)}")
    return slo


def _problems(slo: SLO, stem: str) -> list[str]:
    found = []
    if slo.slo != stem:
        found.append(f"slo is {slo.slo}, the file is {stem}.yml: one name")
    if not 0 < slo.objective < 1:
        found.append(f"objective is {slo.objective}, not between 0 and 1")
    if slo.floor <= 0:
        found.append(f"floor is {slo.floor}: without one, a single error in little traffic pages")
    for key in ("events", "errors"):
        expression = getattr(slo, key)
        try:
            promql_parser.parse(expression)
        except ValueError as error:
            found.append(f"{key} is no PromQL: {error}")
        if set(_RANGE.findall(expression)) != {_RECORDED}:
            found.append(f"{key} must look back [{_RECORDED}] everywhere; longer windows are made from it")
    return found
