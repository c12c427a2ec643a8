"""What can be taken from a container: its memory, and the room on a small disk of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from docker.errors import APIError

from harness.eventually import NotYet, Probe, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.models.containers import Container

    from harness.faults.helpers import Helpers

_BETWEEN_STARTS = 30.0  # seconds; the engine waits longer after each end
LARGEST_DISK = 256 * 2**20
"""Bytes. A disk that is larger is not one of ours (harness.disks), and filling it would hurt the machine."""


@contextmanager
def squeezed(container: Container, *, to: int) -> Iterator[None]:
    """Lower its memory limit to so many bytes; what asks for more is killed by the kernel.

    The engine refuses a limit below what is in use ("device or resource busy").
    """
    usual = container.attrs["HostConfig"]["Memory"]
    try:
        container.update(mem_limit=to)
        yield
    finally:
        limit = Probe("the memory limit as before", "docker update", lambda: _give(container, usual))
        eventually(limit, within=_BETWEEN_STARTS)


def _give(container: Container, limit: int) -> object:
    try:
        return container.update(mem_limit=limit)
    except APIError as error:
        if not error.is_server_error():
            raise
        # it was just killed once more, and what has no process has no limit to be changed
        raise NotYet(str(error.explanation)) from error


@contextmanager
def disk_full(container: Container, helpers: Helpers, *, path: str, left: float = 0.0) -> Iterator[None]:
    """Fill the small disk that it has at *path*, and take away again what filled it."""
    where = {
        "volumes_from": [container.id],
        "network_mode": "none",
        "user": container.attrs["Config"]["User"],
        "mem_limit": 2 * LARGEST_DISK,  # what is on such a disk is in memory, and counted as the writer's
    }
    try:
        helpers.run("filler.py", "fill", path, str(LARGEST_DISK), str(left), **where)
        yield
    finally:
        helpers.run("filler.py", "free", path, **where)
