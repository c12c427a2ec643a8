"""What can be done to a container's processes. Each is undone on the way out, and undoing it twice does no harm."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.models.containers import Container


@contextmanager
def stopped(container: Container) -> Iterator[None]:
    """Stop it as an operator does: it gets the time that its Compose file grants it."""
    try:
        container.stop(timeout=None)
        yield
    finally:
        container.start()


@contextmanager
def killed(container: Container) -> Iterator[None]:
    """Kill it with SIGKILL. Docker counts that as somebody's will, so its restart policy leaves it dead."""
    try:
        container.kill("SIGKILL")
        yield
    finally:
        container.start()


@contextmanager
def paused(container: Container) -> Iterator[None]:
    """Freeze every process: connections stay open and nobody answers."""
    try:
        container.pause()
        yield
    finally:
        container.reload()
        if container.status == "paused":
            container.unpause()
