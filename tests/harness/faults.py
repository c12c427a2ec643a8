"""Break a private stack on purpose, and always heal it."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import docker

from harness.eventually import eventually
from harness.stack import all_well_but
from harness.sweeping import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.models.containers import Container

    from harness.stack import Stack

_SERVICE = "com.docker.compose.service"


@dataclass
class Stopped:
    """A service that was stopped: when the orders were given, and how long it took to obey the first."""

    service: str
    at: float
    seconds: float
    started_at: float = math.nan  # known once it is healed


@dataclass(frozen=True)
class Faults:
    """What can be done to a stack; to a private one only."""

    stack: Stack
    away: set[str] = field(default_factory=set)  # stopped on purpose, by a fault that has not been healed yet

    def __post_init__(self) -> None:
        if not self.stack.private:
            raise ValueError("faults are for private stacks, this one is somebody's own")

    @contextmanager
    def stopped(self, *services: str) -> Iterator[tuple[Stopped, ...]]:
        """Stop services at once, as an operator does, and start them again in the end."""
        stopped: tuple[Stopped, ...] = ()
        self.away.update(services)
        try:
            with ThreadPoolExecutor(max_workers=len(services)) as several:
                stopped = tuple(several.map(self.stop, services))
            yield stopped
        finally:
            for service in services:
                started_at = self.start(service)
                for one in stopped:
                    if one.service == service:
                        one.started_at = started_at
            self.away.difference_update(services)
            away = frozenset(self.away)  # an outer fault goes on
            trouble = partial(self.stack.trouble, but=away)
            eventually(self.stack.states(), all_well_but(away), within=60, give_up=trouble)

    def stop(self, service: str) -> Stopped:
        """Stop a service; it gets the time its Compose file grants it."""
        at = time.time()
        self._container(service).stop(timeout=None)
        return Stopped(service, at, time.time() - at)

    def start(self, service: str) -> float:
        """Start a stopped service, and return when the order was given."""
        at = time.time()
        self._container(service).start()
        return at

    def _container(self, service: str) -> Container:
        client = docker.from_env()
        project = self.stack.environment.project
        labels = [f"{PROJECT}={project}", f"{_SERVICE}={service}"]
        found = client.containers.list(all=True, filters={"label": labels})
        if len(found) != 1:
            raise ValueError(f"{project} has {len(found)} containers of {service}")
        return found[0]
