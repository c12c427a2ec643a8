"""testcontainers' DockerCompose, for one stack of ours.

What it leaves out is added here: a project name, an environment that the developer's shell cannot change,
no build behind the test's back, and errors that say what Compose said.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from launcher.environment import read_settings
from testcontainers.compose import DockerCompose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from launcher.environment import Environment

_LINES_SHOWN = 20


class ComposeFailed(Exception):  # noqa: N818 - reads as what happened
    """Compose said no; its last lines are the message."""


@dataclass(frozen=True)
class State:
    """How one container is."""

    service: str
    state: str
    health: str
    exit_code: int

    @property
    def is_well(self) -> bool:
        """Running, and healthy if it can tell; or a one-shot that has done its work."""
        if self.state == "exited":
            return self.exit_code == 0
        return self.state == "running" and self.health in {"", "healthy"}

    @property
    def is_lost(self) -> bool:
        """Beyond waiting: it failed, or fails over and over."""
        return self.state in {"dead", "restarting"} or (self.state == "exited" and self.exit_code != 0)

    def __str__(self) -> str:
        how = f"exited {self.exit_code}" if self.state == "exited" else self.state
        return f"{self.service} {how}" + (f" ({self.health})" if self.health else "")


@dataclass(frozen=True, repr=False)
class States:
    """How all containers of a project are."""

    states: tuple[State, ...]

    def __iter__(self) -> Iterator[State]:
        return iter(self.states)

    def __len__(self) -> int:
        return len(self.states)

    @property
    def unwell(self) -> tuple[State, ...]:
        """Those that are not (or not yet) as they should be."""
        return tuple(state for state in self.states if not state.is_well)

    def __repr__(self) -> str:
        unwell = self.unwell
        return f"{len(self) - len(unwell)} of {len(self)} containers well" + (
            f", not {', '.join(map(str, unwell))}" if unwell else ""
        )


@dataclass
class Compose(DockerCompose):
    """The Compose project of one environment."""

    environment: Environment | None = None
    isolated: bool = True

    @classmethod
    def of(cls, environment: Environment, *, isolated: bool) -> Compose:
        """Drive *environment*'s project; isolated from the shell's variables unless it is the developer's own."""
        return cls(context=environment.root, environment=environment, isolated=isolated)

    @cached_property
    def compose_command_property(self) -> list[str]:
        """The command every call begins with."""
        assert self.environment is not None
        return self.environment.compose()

    def start(self, *services: str) -> None:
        """Start everything, or these services without what they depend on.

        Images must be here: the tests never build, so that a slow build looks like one.
        """
        up = (
            "up",
            "--detach",
            "--no-build",
            "--pull",
            "never",
            *(("--no-deps", *services) if services else ()),
        )
        self._run_command([*self.compose_command_property, *up])

    def remove(self, service: str) -> None:
        """Stop a service and take its containers away."""
        self._run_command([*self.compose_command_property, "rm", "--stop", "--force", service])

    def states(self) -> States:
        """Say how every container is."""
        return States(
            tuple(
                State(one.Service or "", one.State or "", one.Health or "", one.ExitCode or 0)
                for one in sorted(self.get_containers(include_all=True), key=lambda one: one.Service or "")
            )
        )

    def tail(self, service: str, lines: int) -> str:
        """Return the last lines a service printed."""
        command = [
            *self.compose_command_property,
            "logs",
            "--no-color",
            "--no-log-prefix",
            "--tail",
            str(lines),
        ]
        done = self._run_command([*command, service])
        return (done.stdout + done.stderr).decode(errors="replace")

    def _run_command(
        self, cmd: str | list[str], context: str | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        command = [cmd] if isinstance(cmd, str) else cmd
        done = subprocess.run(
            command, cwd=context or self.context, env=self._variables(), capture_output=True, check=False
        )
        if done.returncode:
            said = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
            tail = "\n".join(f"  {line}" for line in said[-_LINES_SHOWN:])
            raise ComposeFailed(f"{' '.join(command)} ended with {done.returncode}:\n{tail}")
        return done

    def _variables(self) -> dict[str, Any]:
        """The shell's variables outrank the settings file, so those it sets are taken away."""
        assert self.environment is not None
        settings = read_settings(self.environment.env_file) if self.isolated else {}
        return {
            name: value
            for name, value in os.environ.items()
            if not self.isolated or (name not in settings and not name.startswith("COMPOSE_"))
        }
