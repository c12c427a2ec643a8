"""How long an alert may take, term by term: the one table that every limit in these tests is computed from.

A term is what the committed configuration makes it take; compressed terms are divided by the stack's factor,
the others are floors that no configuration moves. A fifth is added for a busy machine, and a second for the clock.
"""

from __future__ import annotations

from dataclasses import dataclass

_MARGIN = 1.2
_CLOCK = 1.0


@dataclass(frozen=True)
class Term:
    """One part of the time to an event."""

    seconds: float
    why: str
    compressed: bool = True


SCRAPE = Term(15, "the fault comes just after a scrape")
TIMEOUT = Term(15, "the address of a vanished container does not refuse: the scrape runs into its timeout")
EVALUATION = Term(15, "the sample comes just after an evaluation")
FOR_ENDS = Term(15, "`for` ends between two evaluations")
DISCOVERY = Term(5, "DNS is asked every refresh_interval")
HAND_OVER = Term(5, "Prometheus hands discovered targets to its scraper at most every 5 s", compressed=False)
NOTIFY = Term(
    1, "Prometheus' queue, Alertmanager's dispatcher and the receiver, each some hundred ms", compressed=False
)

FIRES: dict[str, tuple[Term, ...]] = {
    "APIDown": (
        SCRAPE,
        TIMEOUT,
        EVALUATION,
        Term(60, "for: 1m"),
        FOR_ENDS,
        Term(10, "group_wait of critical alerts"),
        NOTIFY,
    ),
}

RESOLVES: dict[str, tuple[Term, ...]] = {
    "APIDown": (
        Term(10, "the container starts, and the application in it", compressed=False),
        DISCOVERY,
        HAND_OVER,
        SCRAPE,
        EVALUATION,
        Term(60, "group_interval of critical alerts: an all-clear waits for the next turn"),
        NOTIFY,
    ),
}

# Alertmanager keeps the turns of a group while Prometheus sends its all-clear, which is for 15 min, and for up to 30 s more,
# whatever the factor: where an earlier test, or the start, may have told the same, the interval is the wait.
PAGER_INTERVAL = Term(60 - 10, "group_interval of critical alerts, instead of their group_wait")
# The channel hears of it by another route, with waits of its own.
CHANNEL_WAIT = Term(30, "group_wait of the channel")
CHANNEL_INTERVAL = Term(300, "group_interval of the channel")


def limit(*terms: Term, factor: float) -> float:
    """Return the seconds that these terms allow on a stack compressed by *factor*."""
    total = sum(term.seconds / (factor if term.compressed else 1) for term in terms)
    return total * _MARGIN + _CLOCK
