"""Ids that were sent beside ids that were found: totals would hide a loss behind a double."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 5


@dataclass(frozen=True)
class Comparison:
    """What became of the ids that were sent."""

    wanted: int
    missing: frozenset[object]  # sent, and not there
    doubled: frozenset[object]  # there more than once
    foreign: frozenset[object]  # there, and not sent

    @classmethod
    def of(cls, wanted: Iterable[object], found: Iterable[object]) -> Comparison:
        """Compare; what is wanted is a set, what was found a list in which an id may stand twice."""
        expected, counted = frozenset(wanted), Counter(found)
        return cls(
            wanted=len(expected),
            missing=expected - counted.keys(),
            doubled=frozenset(one for one, times in counted.items() if times > 1),
            foreign=frozenset(counted.keys() - expected),
        )

    @property
    def is_exact(self) -> bool:
        """Whether each was found once, and nothing else."""
        return not (self.missing or self.doubled or self.foreign)

    def __str__(self) -> str:
        kinds = {"missing": self.missing, "doubled": self.doubled, "foreign": self.foreign}
        said = [
            f"{len(ids)} {kind}: {', '.join(sorted(map(str, ids))[:_SHOWN])}"
            for kind, ids in kinds.items()
            if ids
        ]
        return f"of {self.wanted} ids, {'; '.join(said) or 'each once'}"
