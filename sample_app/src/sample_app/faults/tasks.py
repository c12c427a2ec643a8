"""Faults that tasks meet, in the worker's processes."""

import os
import signal
import threading

from sample_app.faults.catalogue import QueuePileUp, SignalHealth, TasksDie, TasksFail, TasksSlow, meets
from sample_app.faults.requests import InjectedError
from sample_app.faults.switchboard import Switches

_PATIENCE = threading.Event()  # never set: its wait is a pause
_BALLAST_SECONDS = 5.0
_STEP_SECONDS = 0.25


def before_task(switches: Switches) -> None:
    """Delay, fail or kill the task that is about to run."""
    if slow := switches.get(TasksSlow):
        _PATIENCE.wait(slow.milliseconds / 1000)
    if (die := switches.get(TasksDie)) and meets(die.share):
        os.kill(os.getpid(), signal.SIGKILL)
    if (fail := switches.get(TasksFail)) and meets(fail.share):
        raise InjectedError("A fault of this kind is switched on.")


def signal_health(switches: Switches, tenant_id: str) -> float | None:
    """Return the score that a tenant's signals are made to have, or None where nobody meddles."""
    fault = switches.get(SignalHealth)
    return fault.score if fault and fault.tenant_id == tenant_id else None


def carry_ballast(switches: Switches) -> None:
    """Keep a worker busy for as long as the pile-up lasts, and not at all once it is over."""
    waited = 0.0
    while waited < _BALLAST_SECONDS and switches.get(QueuePileUp):
        _PATIENCE.wait(_STEP_SECONDS)
        waited += _STEP_SECONDS
