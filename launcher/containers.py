"""What the engine says about one project's containers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import docker
from docker.errors import APIError, NotFound

if TYPE_CHECKING:
    from docker.models.containers import Container

_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
CONFIG_HASH = "com.docker.compose.config-hash"
"""The label by which Compose tells whether a container still is what its file says."""

_RESTARTS_FORGIVEN = 2

ONE_SHOT = frozenset({"migrate", "volumes"})
"""Services that do their work and end."""

WITHOUT_HEALTHCHECK = frozenset({"otel-collector", "redis-exporter", "redis-broker-exporter"})
"""Their images hold one binary without a health command: they are probed from outside (design, part 2)."""


@dataclass(frozen=True)
class State:
    """One container, as a person wants to read it."""

    service: str
    status: str  # running, exited, restarting, ...
    health: str  # healthy, starting, unhealthy, or "" without a healthcheck
    exit_code: int
    restarts: int
    image: str
    image_id: str  # of the container; another id behind the same tag means that it was built anew
    container: Container

    @property
    def is_ready(self) -> bool:
        """Up and healthy; ended with 0 for what is meant to end."""
        if self.service in ONE_SHOT:
            return self.status == "exited" and self.exit_code == 0
        return self.status == "running" and self.health in ("healthy", "")

    @property
    def has_failed(self) -> bool:
        """Not ready, and waiting longer will not help."""
        if self.service in ONE_SHOT:
            return self.status == "exited" and self.exit_code != 0
        if self.is_ready:
            return False
        crashing = self.status in ("exited", "dead", "restarting") or self.restarts > _RESTARTS_FORGIVEN
        return crashing or self.health == "unhealthy"

    def __str__(self) -> str:
        if self.service in ONE_SHOT and self.is_ready:
            return "done"
        if self.status == "running":
            return self.health or "running"
        return f"{self.status} ({self.exit_code})" if self.status == "exited" else self.status


def of_project(project: str, *, asking: bool = False) -> dict[str, State]:
    """The project's containers by service; a service with replicas shows its worst one.

    Args:
        project: Its Compose project.
        asking: Whether those that start are asked themselves, or said to be starting until Docker has asked.
    """
    found: dict[str, State] = {}
    for state in map(_asked, every_one(project)) if asking else every_one(project):
        if state.service not in found or found[state.service].is_ready:
            found[state.service] = state
    return found


def every_one(project: str) -> list[State]:
    """The project's containers, each replica of a service by itself."""
    client = docker.from_env()
    # Compose labels the images it builds, too: a container that somebody runs from one inherits project and service,
    # but not the hash.
    filters: dict[str, Any] = {"label": [f"{_PROJECT}={project}", CONFIG_HASH]}
    listed = client.containers.list(all=True, filters=filters, ignore_removed=True)
    return [state for container in listed if (state := _state(container))]


def answers(container: Container) -> bool:
    """Ask its own healthcheck now; Docker asks a container that was started first after a whole interval."""
    kind, *command = container.attrs["Config"]["Healthcheck"]["Test"]
    try:
        exit_code, _ = container.exec_run(["/bin/sh", "-c", *command] if kind == "CMD-SHELL" else command)
    except APIError:  # it ended meanwhile
        return False
    return exit_code == 0


def _asked(state: State) -> State:
    starts = state.status == "running" and state.health == "starting"
    return replace(state, health="healthy") if starts and answers(state.container) else state


def last_lines(state: State, count: int = 15, *, until: float | None = None) -> str:
    """The last lines a container printed, up to *until* (seconds since the epoch) or to this day.

    Docker counts them from the end first and leaves out those after *until* then, so there may be fewer, or none.
    """
    try:
        printed: bytes = state.container.logs(tail=count, until=until)
    except NotFound:
        return "(somebody removed the container meanwhile)"
    return printed.decode(errors="replace").rstrip()


def anon_memory(container: Container) -> int:
    """Bytes of anonymous memory in the container's cgroup: what it really holds, without page cache.

    cgroup v2 calls it `anon`; v1 calls it `rss` (inclusive of children: `total_rss`).
    """
    answer = cast("dict[str, Any]", container.stats(stream=False, one_shot=True))
    stats: dict[str, Any] = answer["memory_stats"].get("stats", {})
    return int(stats.get("anon", stats.get("total_rss", stats.get("rss", 0))))


def cpu_seconds(container: Container) -> float:
    """Seconds of one core that the container's cgroup has used since it was made."""
    answer = cast("dict[str, Any]", container.stats(stream=False, one_shot=True))
    return float(answer["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9


def _state(container: Container) -> State | None:
    attributes = container.attrs
    labels = attributes["Config"]["Labels"]
    if labels.get("com.docker.compose.oneoff") == "True":
        return None
    state = attributes["State"]
    return State(
        service=labels[_SERVICE],
        status=state["Status"],
        health=state.get("Health", {}).get("Status", ""),
        exit_code=state["ExitCode"],
        restarts=attributes["RestartCount"],
        image=attributes["Config"]["Image"],
        image_id=attributes["Image"],
        container=container,
    )
