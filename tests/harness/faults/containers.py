"""Which containers a service of a private stack has, one or as many as it has replicas; and whether one is healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docker.errors import APIError

from harness.sweeping import PROJECT

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

_SERVICE = "com.docker.compose.service"
_NUMBER = "com.docker.compose.container-number"


def containers_of(
    client: docker.DockerClient, project: str, service: str, *, number: int | None = None
) -> list[Container]:
    """Find a service's containers, in Compose's order.

    Args:
        client: The engine.
        project: The private stack's Compose project.
        service: Its Compose service.
        number: Only that one, counted from 1 as in the container's name.

    Raises:
        ValueError: There is none.
    """
    labels = [f"{PROJECT}={project}", f"{_SERVICE}={service}"]
    if number is not None:
        labels.append(f"{_NUMBER}={number}")
    found = client.containers.list(all=True, filters={"label": labels})
    if not found:
        which = service if number is None else f"{service} number {number}"
        raise ValueError(
            f"{project} has no container of {which}; `docker compose ps --all` lists what it has"
        )
    return sorted(found, key=lambda one: int(one.labels[_NUMBER]))


def is_healthy(container: Container) -> bool:
    """Ask its own healthcheck now; Docker asks a container that was started first after a whole interval."""
    kind, *command = container.attrs["Config"]["Healthcheck"]["Test"]
    try:
        exit_code, _ = container.exec_run(["/bin/sh", "-c", *command] if kind == "CMD-SHELL" else command)
    except APIError:  # it ended meanwhile
        return False
    return exit_code == 0
