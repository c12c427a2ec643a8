"""The trust gate's rule.

The client's document names the outcomes (pass, hold, block), and calls a tenant degraded below 40 (its alert).
The upper limit, 70, is the project's choice: below it a person should look before money is spent.
Statuses are those of the audit's vocabulary: success, failed, held, skipped.
"""

from dataclasses import dataclass
from typing import Literal

PASS_FROM = 70.0
HOLD_FROM = 40.0

Decision = Literal["pass", "hold", "block"]
Status = Literal["queued", "success", "failed", "held", "skipped"]


@dataclass(frozen=True)
class Outcome:
    """What a decision means for the execution."""

    decision: Decision
    status: Status
    actions_taken: tuple[str, ...]


_PASS = Outcome("pass", "success", ("run_automation",))
_HOLD = Outcome("hold", "held", ("ask_for_review",))
_BLOCK = Outcome("block", "skipped", ("skip_automation",))


_OUTCOMES = {outcome.decision: outcome for outcome in (_PASS, _HOLD, _BLOCK)}


def outcome_of(decision: Decision) -> Outcome:
    """Return what a decision that was made earlier means."""
    return _OUTCOMES[decision]


def decide(signal_health: float | None) -> Outcome:
    """Return what happens at this signal health, 0 to 100; without any signal a person decides."""
    if signal_health is None:
        return _HOLD
    if signal_health >= PASS_FROM:
        return _PASS
    return _HOLD if signal_health >= HOLD_FROM else _BLOCK
