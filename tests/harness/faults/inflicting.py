"""Faults: what can be done to a private stack, each as a context manager that heals."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeAlias

import docker

from harness.eventually import eventually
from harness.faults import processes
from harness.faults.containers import containers_of
from harness.faults.fault import Fault
from harness.stack import all_well_but

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from docker.models.containers import Container

    from harness.stack import Stack

Breakage: TypeAlias = "Callable[[Container], AbstractContextManager[None]]"

_RECOVERY = 60.0  # seconds in which a healed stack is well again


@dataclass(frozen=True)
class Faults:
    """What can be done to a stack; to a private one only.

    Every fault takes all containers of a service, or one of them by its `number` (counted from 1).
    Faults may overlap, in one test or in several threads: who is still away by one is not waited for by another.
    """

    stack: Stack
    away: list[str] = field(
        default_factory=list
    )  # services that a fault which is not healed yet keeps unwell

    def __post_init__(self) -> None:
        if not self.stack.private:
            raise ValueError("faults are for private stacks, this one is somebody's own")

    @cached_property
    def client(self) -> docker.DockerClient:
        """The engine."""
        return docker.from_env()

    def stopped(self, *services: str, number: int | None = None) -> AbstractContextManager[tuple[Fault, ...]]:
        """Stop services at once, as an operator does, and start them again in the end."""
        return self._inflicted("stopped", processes.stopped, services, number)

    def killed(self, *services: str, number: int | None = None) -> AbstractContextManager[tuple[Fault, ...]]:
        """Kill services at once with SIGKILL, and start them again in the end."""
        return self._inflicted("killed", processes.killed, services, number)

    def paused(self, *services: str, number: int | None = None) -> AbstractContextManager[tuple[Fault, ...]]:
        """Freeze services at once, and let them go on in the end."""
        return self._inflicted("paused", processes.paused, services, number)

    def restart(self, *services: str, number: int | None = None) -> tuple[Fault, ...]:
        """Stop services and start them at once; return when all is well again."""
        with self.stopped(*services, number=number) as stopped:
            pass
        return tuple(replace(one, kind="restarted") for one in stopped)

    @contextmanager
    def _inflicted(
        self, kind: str, breakage: Breakage, services: tuple[str, ...], number: int | None
    ) -> Iterator[tuple[Fault, ...]]:
        """Break every container of some services at once; heal them one after the other, then wait for the stack."""
        faults = tuple(Fault(kind, service) for service in services)
        project = self.stack.environment.project
        broken = [
            (fault, container)
            for fault in faults
            for container in containers_of(self.client, project, fault.service, number=number)
        ]
        self.away.extend(services)
        try:
            with ExitStack() as healing:
                _break(healing, breakage, broken)
                healing.callback(_stamp, faults)  # the last that goes on is the first that comes off
                yield faults
        finally:
            for service in services:
                self.away.remove(service)
            self._wait_until_well()

    def _wait_until_well(self) -> None:
        trouble = partial(self.stack.trouble, but=self.away)
        eventually(self.stack.states(), all_well_but(self.away), within=_RECOVERY, give_up=trouble)


def _break(healing: ExitStack, breakage: Breakage, broken: Sequence[tuple[Fault, Container]]) -> None:
    """Give every order at once; what was broken when one fails is healed with the rest."""
    at = time.time()

    def obey(fault: Fault, container: Container) -> None:
        healing.enter_context(breakage(container))
        fault.at, fault.seconds = at, time.time() - at

    with ThreadPoolExecutor(max_workers=len(broken)) as several:
        orders = [several.submit(obey, fault, container) for fault, container in broken]
    for order in orders:
        order.result()


def _stamp(faults: Iterable[Fault]) -> None:
    now = time.time()
    for fault in faults:
        fault.healed_at = now
