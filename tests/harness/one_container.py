"""A container of one test's own, of an image that the stack runs, for what is proved without the rest of a stack."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import docker
import yaml
from launcher.environment import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.models.containers import Container


def image_of(service: str) -> str:
    """The image that docker-compose.yml names for a service."""
    return str(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"][service]["image"])


@contextmanager
def made_like(service: str, **options: Any) -> Iterator[Container]:  # noqa: ANN401 - the engine's
    """Make one of a service's image, with options of `containers.create`; not started, and removed in any case."""
    client = docker.from_env()
    try:
        container = client.containers.create(image_of(service), **options)
        try:
            yield container
        finally:
            container.remove(force=True, v=True)
    finally:
        client.close()
