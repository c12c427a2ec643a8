"""Break a private stack on purpose, and always heal it.

    inflicting   Faults: what can be done to a stack, as context managers; the way in
    fault        what was done, when, and when it was undone
    containers   which containers a service has
    processes    stopped, killed, paused
    network      cut off from all, cut between two, slow, resetting
    resources    memory squeezed, disk full
    helpers      small containers that run the scripts of inside/

A fault is undone in a `finally`, whatever the body does, and the stack is waited for until it is well again.
Whoever is killed in between leaves a broken stack behind, which the next run sweeps away: no fault reaches beyond it.
"""

from harness.faults.fault import Fault
from harness.faults.inflicting import Faults

__all__ = ["Fault", "Faults"]
