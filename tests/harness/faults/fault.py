"""What was done to a service, when, and when it was undone."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Fault:
    """One thing that was done to one service, to all its containers or to one."""

    kind: str
    service: str
    at: float = math.nan  # when the order was given, in seconds since 1970
    seconds: float = math.nan  # until the last of its containers had obeyed
    healed_at: float = math.nan  # when the order to undo it was given; known once it is healed

    def __str__(self) -> str:
        return f"{self.service} {self.kind}"
