"""What a load run is: how much, for how long, against what; from the environment, with bounded defaults."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from launcher.environment import Environment

from harness.addresses import Addresses
from harness.surroundings import Stores

ROOT = Path(__file__).resolve().parent.parent
_GREATEST_RATE = 2000.0


@dataclass(frozen=True)
class Settings:
    """One run."""

    rate: float = 50.0  # requests per second, all users together
    seconds: float = 30.0
    users: int = 20
    max_error_ratio: float = 0.001
    max_p95: float = 0.5
    run_id: str = field(default_factory=lambda: secrets.token_hex(4))

    @classmethod
    def from_environment(cls) -> Settings:
        """Read LOAD_RATE, LOAD_SECONDS, LOAD_USERS, LOAD_MAX_ERROR_RATIO, LOAD_MAX_P95, LOAD_RUN_ID."""
        usual = cls()

        def number(name: str, otherwise: float) -> float:
            return float(os.environ.get(name) or otherwise)

        settings = cls(
            rate=number("LOAD_RATE", usual.rate),
            seconds=number("LOAD_SECONDS", usual.seconds),
            users=int(number("LOAD_USERS", usual.users)),
            max_error_ratio=number("LOAD_MAX_ERROR_RATIO", usual.max_error_ratio),
            max_p95=number("LOAD_MAX_P95", usual.max_p95),
            run_id=os.environ.get("LOAD_RUN_ID") or usual.run_id,
        )
        if not (0 < settings.rate <= _GREATEST_RATE and settings.seconds > 0 and settings.users > 0):
            raise ValueError(f"not a load run: {settings}")
        return settings


def environment() -> Environment:
    """Return the stack of `make up`."""
    return Environment.development(ROOT)


def addresses() -> Addresses:
    """Where that stack is found."""
    return Addresses.of(environment().ports)


def stores() -> Stores:
    """Return a client for each of its stores."""
    return Stores(environment())
