"""Faults: what can be done to a private stack, each as a context manager that heals."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeAlias

import docker

from harness.containers import asked, containers_of
from harness.eventually import eventually
from harness.faults import network, processes, resources
from harness.faults.fault import Fault
from harness.faults.helpers import Helpers
from harness.faults.network import Between
from harness.stack import all_well_but

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from docker.models.containers import Container

    from harness.stack import Stack

Breakage: TypeAlias = "Callable[[Container], AbstractContextManager[None]]"
Way: TypeAlias = "Callable[[Between], AbstractContextManager[None]]"
Broken: TypeAlias = "tuple[Fault, AbstractContextManager[None]]"

_RECOVERY = 60.0  # seconds in which a healed stack is well again


@dataclass(frozen=True)
class Faults:
    """What can be done to a stack; to a private one only.

    Every fault takes all containers of a service, or one of them by its `number` (counted from 1).
    Faults may overlap, in one test or in several threads: who is still away by one is not waited for by another.
    """

    stack: Stack
    away: list[str] = field(default_factory=list)  # services that a fault in force keeps unwell
    healed: list[Fault] = field(default_factory=list)  # what was in force and is over

    def __post_init__(self) -> None:
        if not self.stack.private:
            raise ValueError("faults are for private stacks, this one is somebody's own")

    @cached_property
    def client(self) -> docker.DockerClient:
        """The engine."""
        return docker.from_env()

    @cached_property
    def helpers(self) -> Helpers:
        """What acts inside the stack."""
        return Helpers(self.client, self.stack.environment.project, image=self.stack.services["api"]["image"])

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

    def cut_off(self, *services: str, number: int | None = None) -> AbstractContextManager[tuple[Fault, ...]]:
        """Take services off the network: they reach nobody, nobody reaches them, their names are gone."""
        return self._inflicted("cut off", partial(network.cut_off, client=self.client), services, number)

    def cut_between(self, one: str, other: str) -> AbstractContextManager[Fault]:
        """Lose whatever two services send each other; everybody else reaches both."""
        return self._between(f"cut from {other}", one, other, Between.cut)

    def slow_between(
        self, one: str, other: str, *, latency: float = 0.0, bytes_per_second: float = 0.0
    ) -> AbstractContextManager[Fault]:
        """Make what two services send each other late by so many seconds each way, or narrow, or both."""
        wired = partial(Between.wired, latency=latency, bytes_per_second=bytes_per_second)
        return self._between(f"slow to {other}", one, other, wired)

    def resetting_between(self, one: str, other: str) -> AbstractContextManager[Fault]:
        """Reset every connection between two services, those that stand and those that are tried."""
        return self._between(f"reset by {other}", one, other, partial(Between.wired, reset=True))

    def squeezed(
        self, service: str, *, to: int, number: int | None = None
    ) -> AbstractContextManager[tuple[Fault, ...]]:
        """Leave a service so many bytes of memory."""
        return self._inflicted("squeezed", partial(resources.squeezed, to=to), (service,), number)

    def disk_full(
        self, service: str, *, path: str, left: float = 0.0
    ) -> AbstractContextManager[tuple[Fault, ...]]:
        """Fill the small disk (harness.disks) that a service has at *path*, but for a share of it."""
        breakage = partial(resources.disk_full, helpers=self.helpers, path=path, left=left)
        return self._inflicted("disk full", breakage, (service,), None)

    @contextmanager
    def emptied(self, service: str, *, path: str) -> Iterator[tuple[Fault, ...]]:
        """Stop a service and remove what it has kept at *path*; it starts in the end as if it had no past."""
        with self._inflicted("emptied", processes.stopped, (service,), None) as faults:
            for container in self._containers(service):
                where = {"volumes_from": [container.id], "network_mode": "none"}
                self.helpers.run("emptier.py", path, user=container.attrs["Config"]["User"], **where)
            yield faults

    @contextmanager
    def _inflicted(
        self, kind: str, breakage: Breakage, services: tuple[str, ...], number: int | None
    ) -> Iterator[tuple[Fault, ...]]:
        faults = tuple(Fault(kind, service) for service in services)
        broken = [
            (fault, breakage(container))
            for fault in faults
            for container in self._containers(fault.service, number=number)
        ]
        with self._in_force(broken, away=services):
            yield faults

    @contextmanager
    def _between(self, kind: str, one: str, other: str, breakage: Way) -> Iterator[Fault]:
        fault = Fault(kind, one)
        way = Between(self.helpers, self._containers(one), self._containers(other))
        with self._in_force([(fault, breakage(way))], away=(one, other)):
            yield fault

    @contextmanager
    def _in_force(self, broken: Sequence[Broken], *, away: Sequence[str]) -> Iterator[None]:
        """Break everything at once; heal one after the other, then wait for the stack."""
        self.away.extend(away)
        try:
            with ExitStack() as healing:
                _break(healing, broken)
                healing.callback(
                    self._stamp, [fault for fault, _ in broken]
                )  # the last to go on comes off first
                yield
        finally:
            for service in away:
                self.away.remove(service)
            self._wait_until_well(healed=away)

    def _stamp(self, faults: Sequence[Fault]) -> None:
        now = time.time()
        for fault in faults:
            fault.healed_at = now
        # a service with several containers was broken once
        self.healed.extend({id(fault): fault for fault in faults}.values())

    def _containers(self, service: str, *, number: int | None = None) -> list[Container]:
        return containers_of(self.client, self.stack.environment.project, service, number=number)

    def _wait_until_well(self, *, healed: Sequence[str]) -> None:
        """Who was just healed may still end and be started again, as of a memory that was too small: that is no reason to give up."""
        trouble = partial(self.stack.trouble, but=self.away, restarting=healed)
        states = asked(self.stack.states(), self._containers, away=self.away)
        eventually(states, all_well_but(self.away), within=_RECOVERY, give_up=trouble)


def _break(healing: ExitStack, broken: Sequence[Broken]) -> None:
    """Give every order at once; what was broken when one fails is healed with the rest."""
    at = time.time()

    def obey(fault: Fault, breakage: AbstractContextManager[None]) -> None:
        healing.enter_context(breakage)
        fault.at, fault.seconds = at, time.time() - at

    with ThreadPoolExecutor(max_workers=len(broken)) as several:
        orders = [several.submit(obey, *one) for one in broken]
    for order in orders:
        order.result()
