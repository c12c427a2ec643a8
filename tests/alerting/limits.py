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
EVALUATION = Term(15, "the sample comes just after an evaluation")
RECORDING = Term(15, "the alert's expression reads a recording rule, evaluated one turn earlier at worst")
DISCOVERY = Term(5, "DNS is asked every refresh_interval")
HAND_OVER = Term(5, "Prometheus hands discovered targets to its scraper at most every 5 s", compressed=False)
NOTIFY = Term(
    1, "Prometheus' queue, Alertmanager's dispatcher and the receiver, each some hundred ms", compressed=False
)

FIRES: dict[str, tuple[Term, ...]] = {
    "APIDown": (
        SCRAPE,
        DISCOVERY,
        HAND_OVER,
        EVALUATION,
        RECORDING,
        Term(60, "for: 1m"),
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
        RECORDING,
        Term(60, "group_interval of critical alerts: an all-clear waits for the next turn"),
        NOTIFY,
    ),
}

# The channel hears of it by another route, with waits of its own.
CHANNEL_WAIT = Term(30, "group_wait of the channel")
CHANNEL_INTERVAL = Term(300, "group_interval of the channel")


def limit(*terms: Term, factor: float) -> float:
    """Return the seconds that these terms allow on a stack compressed by *factor*."""
    total = sum(term.seconds / (factor if term.compressed else 1) for term in terms)
    return total * _MARGIN + _CLOCK
