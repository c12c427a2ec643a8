"""Which containers a service of a private stack has, one or as many as it has replicas; and how they are right now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from launcher.containers import answers

from harness.compose import States
from harness.sweeping import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import docker
    from docker.models.containers import Container

    from harness.eventually import Probe

_SERVICE = "com.docker.compose.service"
NUMBER = "com.docker.compose.container-number"


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
        labels.append(f"{NUMBER}={number}")
    found = client.containers.list(all=True, filters={"label": labels})
    if not found:
        which = service if number is None else f"{service} number {number}"
        raise ValueError(
            f"{project} has no container of {which}; `docker compose ps --all` lists what it has"
        )
    return sorted(found, key=lambda one: int(one.labels[NUMBER]))


def asked(
    every: Probe[States], containers: Callable[[str], Sequence[Container]], *, away: Collection[str] = ()
) -> Probe[States]:
    """Ask how containers are; those that start are asked themselves, not when Docker's healthcheck has its turn.

    Args:
        every: What Docker knows.
        containers: Finds a service's.
        away: Services that are not asked, since they are away on purpose.
    """

    def is_well(service: str) -> bool:
        return service not in away and all(map(answers, containers(service)))

    def read() -> States:
        found = every.now()
        starting = {one.service for one in found if one.health == "starting"}
        well = set(filter(is_well, starting))
        return States(
            tuple(
                replace(one, health="healthy") if one.health == "starting" and one.service in well else one
                for one in found
            )
        )

    return replace(every, read=read)
