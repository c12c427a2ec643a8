"""Waits for what is about to be true, looking often and for a limited time."""

import threading
from collections.abc import Callable
from time import monotonic

_BETWEEN_LOOKS = threading.Event()  # never set


def until(condition: Callable[[], bool], *, within: float, what: str, every: float = 0.002) -> None:
    """Return once the condition holds."""
    deadline = monotonic() + within
    while not condition():
        if monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {within:g} s")
        _BETWEEN_LOOKS.wait(every)
