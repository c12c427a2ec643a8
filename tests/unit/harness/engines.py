"""An engine that remembers what was done to its containers, and a stack that it runs: for tests of faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import docker

from harness.compose import State, States
from harness.eventually import Probe

if TYPE_CHECKING:
    from collections.abc import Collection

_STATES = {"stop": "exited", "kill": "exited", "start": "running", "pause": "paused", "unpause": "running"}


class FakeContainer:
    """A container that obeys, unless it was told to refuse something."""

    def __init__(self, service: str, number: int, refuses: str = "") -> None:
        self.service, self.number, self.refuses = service, number, refuses
        self.labels = {"com.docker.compose.container-number": str(number)}
        self.status = "running"
        self.orders: list[str] = []
        self.health = ""
        self.healthcheck = ["CMD", "ask"]
        self.answers: list[int] = []  # exit codes of its healthcheck, one for each time it is asked
        self.asked: list[list[str]] = []

    @property
    def attrs(self) -> dict[str, object]:
        """Say what it is made of."""
        return {"Config": {"Healthcheck": {"Test": self.healthcheck}}}

    def exec_run(self, command: list[str]) -> tuple[int, bytes]:
        """Run something in it, if it runs."""
        self.asked.append(command)
        if self.status != "running" or not self.answers:
            raise docker.errors.APIError(f"{self.service} is not running")
        return self.answers.pop(0), b""

    def __getattr__(self, order: str) -> object:
        if order not in _STATES:
            raise AttributeError(order)

        def obey(*_arguments: object, **_options: object) -> None:
            self.orders.append(order)
            if order == self.refuses:
                raise docker.errors.APIError(f"{self.service} does not {order}")
            self.status = _STATES[order]

        return obey

    def reload(self) -> None:
        """Its state is always fresh."""


class FakeEngine:
    """An engine with the containers of one project."""

    def __init__(self, *containers: FakeContainer) -> None:
        self.every = list(containers)
        self.containers = self

    def list(self, *, all: bool, filters: dict[str, list[str]]) -> list[FakeContainer]:  # noqa: A002 - Docker's word
        """Find by labels, newest first, as the engine does."""
        assert all, "a stopped container must be found too"
        labels = dict(label.split("=") for label in filters["label"])
        number = labels.get("com.docker.compose.container-number")
        return [
            one
            for one in reversed(self.every)
            if one.service == labels["com.docker.compose.service"]
            and (number is None or one.number == int(number))
        ]


class FakeStack:
    """A private stack on that engine."""

    private = True

    def __init__(self, *containers: FakeContainer) -> None:
        self.engine = FakeEngine(*containers)
        self.environment = self
        self.project = "stratum-test-00000000"

    def states(self) -> Probe[States]:
        """Say how its containers are."""
        return Probe(
            "containers",
            "here",
            lambda: States(
                tuple(State(one.service, one.status, one.health, 137) for one in self.engine.every)
            ),
        )

    def trouble(self, *, but: list[str], restarting: Collection[str]) -> str | None:  # noqa: ARG002 - none restarts here
        """Name who is away although nobody meant it."""
        lost = [
            one.service for one in self.engine.every if one.status != "running" and one.service not in but
        ]
        return f"{lost} are lost" if lost else None
