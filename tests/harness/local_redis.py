"""A Redis of one test's own, of the image that the stack runs, for what is proved without the rest of a stack."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import docker
import yaml
from launcher.environment import ROOT, free_ports
from redis import Redis
from redis.exceptions import ConnectionError as NoRedis
from redis.exceptions import TimeoutError as SlowRedis

from harness.eventually import NotYet, Probe, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def running(*options: str) -> Iterator[tuple[str, int]]:
    """Run one that keeps nothing, with further options of redis-server; yields its host and port once it answers."""
    image = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["redis"]["image"]
    host, port = "127.0.0.1", free_ports(["redis"])["redis"]
    client = docker.from_env()
    command = ["redis-server", "--save", "", "--protected-mode", "no", *options]
    container = client.containers.run(
        image, command, detach=True, ports={"6379/tcp": (host, port)}, tmpfs={"/data": ""}
    )
    try:
        with Redis(host, port, socket_timeout=2) as redis:
            eventually(
                Probe("a Redis of this test's own", f"{host}:{port}", lambda: _answer(redis)), within=30
            )
        yield host, port
    finally:
        container.remove(force=True, v=True)
        client.close()


def _answer(redis: Redis) -> object:
    try:
        return redis.ping()
    except (NoRedis, SlowRedis) as error:
        raise NotYet(str(error)) from error
