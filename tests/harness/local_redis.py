"""A Redis of one test's own, which keeps nothing."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from launcher.environment import free_ports
from redis import Redis
from redis.exceptions import ConnectionError as NoRedis
from redis.exceptions import TimeoutError as SlowRedis

from harness.eventually import NotYet, Probe, eventually
from harness.one_container import made_like

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def running(*options: str) -> Iterator[tuple[str, int]]:
    """Run one that keeps nothing, with further options of redis-server; yields its host and port once it answers."""
    host, port = "127.0.0.1", free_ports(["redis"])["redis"]
    command = ["redis-server", "--save", "", "--protected-mode", "no", *options]
    with made_like(
        "redis", command=command, ports={"6379/tcp": (host, port)}, tmpfs={"/data": ""}
    ) as container:
        container.start()
        with Redis(host, port, socket_timeout=2) as redis:
            answer = Probe("a Redis of this test's own", f"{host}:{port}", lambda: _answer(redis))
            eventually(answer, within=30)
        yield host, port


def _answer(redis: Redis) -> object:
    try:
        return redis.ping()
    except (NoRedis, SlowRedis) as error:
        raise NotYet(str(error)) from error
