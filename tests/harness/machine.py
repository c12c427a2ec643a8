"""How busy this machine was: a deadline that is missed by a second may be the doing of its host, not of the stack."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

_GIB = 1024**3


@dataclass(frozen=True)
class Processors:
    """What all processors together have spent so far, in seconds."""

    total: float
    idle: float
    stolen: float
    """What the host gave to others while somebody here wanted it; 0 where the system does not say."""

    @classmethod
    def now(cls) -> Processors:
        """Read the system's counters."""
        times = psutil.cpu_times()._asdict()
        guests = times.get("guest", 0.0) + times.get("guest_nice", 0.0)  # are in user and nice too
        return cls(sum(times.values()) - guests, times["idle"], times.get("steal", 0.0))

    def since(self, before: Processors) -> str:
        """Say how the time after *before* was spent, in percent of it."""
        spent = self.total - before.total
        if spent <= 0:
            return "too short a time to tell"
        idle, stolen = (self.idle - before.idle) / spent, (self.stolen - before.stolen) / spent
        return f"processors {idle:.0%} idle, {stolen:.0%} taken by the host"


def memory() -> str:
    """Say what is left of the memory."""
    found = psutil.virtual_memory()
    return f"{found.available / _GIB:.1f} of {found.total / _GIB:.1f} GiB of memory left"
