"""A stack to test against: a private Compose project of this run's own, or the one that `make up` runs."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import docker
import yaml
from launcher.environment import Environment

from harness import disks, rendering, sweeping
from harness.compose import Compose, ComposeFailed, States
from harness.containers import asked, containers_of
from harness.durations import milliseconds
from harness.eventually import Probe, eventually
from harness.expectations import all_up
from harness.surroundings import Stores

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

# The reaper is a container of an image that may not be obtainable; sweeping.py does its work.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")

_LINES_OF_A_CULPRIT = 15
# the shortest that the application accepts: a task whose worker was killed is handed out again after that
_IMPATIENT = {
    "STRATUM_VISIBILITY_TIMEOUT_SECONDS": "10",
    # the scheduler's turns: what the rules expect of them is divided, and a sixtieth of them would be work for nothing
    "STRATUM_CANARY_EVERY_SECONDS": "2",
    "STRATUM_REQUEUE_EVERY_SECONDS": "2",
    # few enough that a test sees a worker's process replaced
    "STRATUM_WORKER_MAX_TASKS_PER_CHILD": "40",
}


@dataclass(frozen=True)
class Stack:
    """A running stack: its environment, its stores, its containers."""

    environment: Environment
    factor: float = 1.0
    private: bool = True
    sent: list[str] = field(default_factory=list, compare=False)  # trace ids of the test that runs

    @classmethod
    def of_our_own(cls, root: Path, *, factor: float) -> Stack:
        """Prepare a private stack in compressed time; nothing runs yet. Sweeps first what dead runs left."""
        stacks = root / "build" / "stacks"
        sweeping.sweep(stacks)
        project = f"stratum-test-{secrets.token_hex(4)}"
        folder = sweeping.claim(stacks, project)
        settings = {**_IMPATIENT, **rendering.render(root, folder, factor=factor)}
        environment = Environment.for_project(
            project, root=root, folder=folder, overrides=settings, more_files=(disks.describe(folder),)
        )
        environment.prepare()
        return cls(environment, factor=factor)

    @classmethod
    def running(cls, root: Path) -> Stack:
        """Take the stack of `make up` as it is."""
        stack = cls(Environment.development(root), private=False)
        if not any(state.state == "running" for state in stack.compose.states()):
            raise ComposeFailed(f"project {stack.environment.project} does not run: start it with `make up`")
        return stack

    @cached_property
    def compose(self) -> Compose:
        """Its Compose project."""
        return Compose.of(self.environment, isolated=self.private)

    @cached_property
    def stores(self) -> Stores:
        """A client for each of its stores."""
        return Stores(self.environment)

    @cached_property
    def services(self) -> dict[str, dict[str, Any]]:
        """Its services as Compose reads them."""
        config: dict[str, Any] = self.compose.get_config()
        return dict(config["services"])

    @cached_property
    def scrape_interval(self) -> float:
        """Seconds between two scrapes, in this stack's time."""
        config = yaml.safe_load((self.environment.root / "prometheus" / "prometheus.yml").read_text())
        return milliseconds(config["global"]["scrape_interval"]) / 1000 / self.factor

    def start(self, *, within: float = 120.0) -> float:
        """Start a private stack, wait until every container is well and every target answers; return the seconds."""
        began = time.monotonic()
        self.compose.start()
        disks.hold(self.environment.project, self.services["volumes"]["image"])
        eventually(self._asked(), all_well, within=within, every=0.5, give_up=self.trouble)
        targets = self.stores.prometheus.targets()
        eventually(targets, all_up, within=within, every=0.5, give_up=self.trouble)
        return time.monotonic() - began

    def start_only(self, *services: str, within: float = 60.0) -> None:
        """Start these services of a private stack and nothing else, and wait until they are well."""
        self.compose.start(*services)
        eventually(self._asked(), all_well, within=within, every=0.2, give_up=self.trouble)

    def remove(self) -> None:
        """Take a private stack away, with its volumes, secrets and settings."""
        sweeping.remove(self.environment.project)
        shutil.rmtree(self.environment.folder, ignore_errors=True)

    def states(self) -> Probe[States]:
        """Ask how its containers are."""
        command = f"docker compose --project-name {self.environment.project} ps --all"
        return Probe(f"containers of {self.environment.project}", command, self.compose.states)

    def _asked(self) -> Probe[States]:
        return asked(self.states(), partial(containers_of, docker.from_env(), self.environment.project))

    def trouble(self, *, but: Collection[str] = (), restarting: Collection[str] = ()) -> str | None:
        """Name a container that is beyond waiting, with its last lines; for `eventually(..., give_up=)`.

        Args:
            but: Services that are away on purpose.
            restarting: Services that may be between two starts; not ended for good.
        """
        lost = [
            state
            for state in self.compose.states()
            if state.is_lost
            and state.service not in but
            and not (state.state == "restarting" and state.service in restarting)
        ]
        if not lost:
            return None
        lines = self.compose.tail(lost[0].service, _LINES_OF_A_CULPRIT)
        return f"{', '.join(map(str, lost))}; {lost[0].service} said last:\n{lines}"


def all_well(states: States) -> None:
    """Expect that every container is running and healthy, or has done its work."""
    assert len(states), "no containers at all"
    assert not states.unwell, f"not well: {', '.join(map(str, states.unwell))}"


def all_well_but(away: Collection[str]) -> Callable[[States], None]:
    """Expect the same of every container but those that are away on purpose."""

    def expect(states: States) -> None:
        unwell = [state for state in states.unwell if state.service not in away]
        assert not unwell, f"not well: {', '.join(map(str, unwell))}"

    return expect
