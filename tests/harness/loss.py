"""What a fault cost, store by store: which of the ids that were sent are there, how often, and which are nobody's.

settled   waits until a store has everything, or nothing more comes, and compares
LossRow   a comparison as a row of build/loss.json
table     all rows, for the terminal
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from launcher.measurements import Row

from harness.eventually import REAL_TIME, Clock, NotYet, Probe, Unmet, eventually
from harness.ids import Comparison

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from harness.clients.database import Database
    from harness.clients.jaeger import Jaeger
    from harness.clients.loki import Loki

Ids = list[str]

STILL_WHOLE = (
    1.5  # seconds without a change, with everything there: what is sent twice has come twice by then
)
STILL_SHORT = 8.0  # with something missing: the Collector tries again after 5 s at most
DELIVERIES = frozenset({"run/execute_automation", "process_automation"})
"""Spans that a run has once for each time the broker hands it out: at least once. What is decided then is decided once."""
_AT_ONCE = 4


def lines(loki: Loki, prefix: str, *, service: str, event: str, since: float) -> Probe[Ids]:
    """Ask Loki for the trace ids of one event's lines, of the traces that begin with *prefix*."""
    query = f'{{service_name="{service}"}} | event="{event}" | trace_id=~"{prefix}.*"'
    found = loki.lines(query, since=since)
    return Probe(f"{event} lines of {service} in Loki", found.where, lambda: found.read().of("trace_id"))


def rows(database: Database, prefix: str, *, decided: bool = False) -> Probe[Ids]:
    """Ask PostgreSQL for the trace ids of the executions that were asked for, or of those that are decided."""
    statement = f"SELECT substr(traceparent, 4, 32) FROM executions WHERE traceparent LIKE '00-{prefix}%'"  # noqa: S608 - hex digits
    return each(database.rows(statement + " AND status <> 'queued'" * decided), lambda row: row[0])


def spans(
    jaeger: Jaeger, trace_ids: Iterable[str], named: Collection[str], *, again: Collection[str] = ()
) -> Probe[Ids]:
    """Ask Jaeger for the spans of some names in each trace; an id is the trace's and the name.

    Args:
        jaeger: Who is asked.
        trace_ids: Of which traces.
        named: The names.
        again: Those of them that a trace may have more often, and count once.
    """

    def of(trace_id: str) -> Ids:
        try:
            trace = jaeger.trace(trace_id).read()
        except NotYet:
            return []
        found = [span.name for span in trace.spans if span.name in named]
        once = [name for name in found if name not in again] + sorted({*found} & {*again})
        return [span_id(trace_id, name) for name in once]

    asked = tuple(trace_ids)

    def read() -> Ids:
        with ThreadPoolExecutor(_AT_ONCE) as several:
            return [one for found in several.map(of, asked) for one in found]

    return Probe(f"spans of {len(asked)} traces in Jaeger", jaeger.address, read)


def each(found: Probe[Any], of: Callable[[Any], str]) -> Probe[Ids]:
    """Ask for the ids of what another question finds."""
    return Probe(found.what, found.where, lambda: [of(one) for one in found.read()])


def only(found: Probe[Ids], ids: Collection[str]) -> Probe[Ids]:
    """Leave out whatever is not one of these."""
    return Probe(found.what, found.where, lambda: [one for one in found.read() if one in ids])


def but(found: Probe[Ids], ids: Collection[str]) -> Probe[Ids]:
    """Leave these out."""
    return Probe(found.what, found.where, lambda: [one for one in found.read() if one not in ids])


def spans_at_risk(spans: int, seconds: float, *, queue: int, batch: int, patience: float) -> int:
    """Compute how many of a process's spans may be lost while nobody takes them.

    Args:
        spans: How many it records meanwhile.
        seconds: How long that is, the way back included.
        queue: How many wait at most; the oldest make room for the newest.
        batch: How many are sent, and given up, at once.
        patience: Seconds for which a batch is tried.
    """
    given_up = math.floor(seconds / patience) * batch
    return min(spans, given_up + max(0, spans - given_up - queue))


def span_id(trace_id: str, name: str) -> str:
    """Name a span that a trace has once."""
    return f"{trace_id} {name}"


def settled(
    found: Probe[Ids],
    wanted: Iterable[str],
    *,
    within: float = 60.0,
    every: float = 0.5,
    patience: float = STILL_SHORT,
    clock: Clock = REAL_TIME,
) -> Comparison:
    """Wait until a store has all that is wanted, or nothing more comes, and say what is missing, doubled, foreign.

    Args:
        found: The store's ids.
        wanted: Those that were sent.
        within: Seconds until it is judged as it stands.
        every: Seconds between two questions.
        patience: Seconds without anything new after which what is missing will not come.
        clock: Real time, unless a test of the harness gives another.

    Raises:
        Unmet: The store did not answer at all.
    """
    settling = _Settling(frozenset(wanted), patience, clock)
    try:
        eventually(found, settling, within=within, every=every, clock=clock)
    except Unmet:
        if settling.changed_at is None:
            raise
    return Comparison.of(settling.wanted, settling.found)


@dataclass
class _Settling:
    """The expectation that an answer no longer changes."""

    wanted: frozenset[str]
    patience: float
    clock: Clock
    found: Sequence[str] = ()
    changed_at: float | None = None

    def __call__(self, found: Sequence[str]) -> None:
        now = self.clock.now()
        if self.changed_at is None or sorted(found) != sorted(self.found):
            self.found, self.changed_at = found, now
        missing = len(self.wanted.difference(found))
        still = now - self.changed_at
        assert still >= (self.patience if missing else STILL_WHOLE), (
            f"{missing} missing, still for {still:.1f}s"
        )


@dataclass(frozen=True, kw_only=True)
class LossRow(Row):
    """What was lost, against what may be; anything doubled or foreign falls short whatever the limit."""

    comparison: Comparison

    @classmethod
    def of(cls, what: str, comparison: Comparison, *, unit: str, limit: float = 0) -> LossRow:
        """Say how many of a kind are missing."""
        return cls(what=what, measured=len(comparison.missing), limit=limit, unit=unit, comparison=comparison)

    @property
    def verdict(self) -> str:
        """As any row's, if each that was found was sent, and found once."""
        clean = not (self.comparison.doubled or self.comparison.foreign)
        return super().verdict if clean else "falls short"

    def as_json(self) -> dict[str, Any]:
        """The row as it stands in build/loss.json."""
        one = self.comparison
        more = {"sent": one.wanted, "doubled": len(one.doubled), "foreign": len(one.foreign)}
        return {**super().as_json(), **more}


def table(rows: Sequence[Row]) -> list[str]:
    """Lay the rows out for a person: what, how much of how many, and whether that was allowed."""
    cells: list[tuple[str, ...]] = [
        ("what was lost", "measured", "limit", "sent", "doubled", "foreign", "verdict")
    ]
    for row in rows:
        said = row.as_json()
        counts = (str(said.get(key, "")) for key in ("sent", "doubled", "foreign"))
        measured = "-" if row.measured is None else f"{row.measured:.4g} {row.unit}"
        cells.append((row.what, measured, f"{row.limit:.4g}", *counts, row.verdict))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
