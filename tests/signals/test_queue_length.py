"""Every message in the broker is counted, wherever Celery's transport keeps it: by priority, and while a worker holds it.

The exporter asks a real Redis into which a real Celery put its messages; no worker runs, so none is taken away meanwhile.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import docker
import pytest
import yaml
from launcher.environment import ROOT
from redis import Redis
from redis.exceptions import ConnectionError as NoRedis

from harness.eventually import NotYet, Probe, eventually
from sample_app.celery_exporter import Seen, look
from sample_app.queueing import make_celery
from sample_app.settings import Settings
from sample_app.telemetry import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery import Celery  # type: ignore[import-untyped]

PRIORITIES = {0: 38, 3: 2, 6: 1, 9: 4}  # the broker's steps: how many messages each
HELD = 8


@pytest.fixture
def celery() -> Iterator[Celery]:
    """Celery with a broker of this test's own."""
    image = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["redis"]["image"]
    client = docker.from_env()
    command = ["redis-server", "--save", "", "--protected-mode", "no"]
    container = client.containers.run(
        image, command, detach=True, ports={"6379/tcp": ("127.0.0.1", None)}, tmpfs={"/data": ""}
    )
    try:
        container.reload()
        port = int(container.ports["6379/tcp"][0]["HostPort"])
        with Redis(port=port, socket_timeout=2) as redis:
            eventually(Probe("a broker", f"127.0.0.1:{port}", lambda: answer(redis)), within=30)
        yield make_celery(Settings(broker_host="127.0.0.1", broker_port=port), impatient=True)
    finally:
        container.remove(force=True, v=True)
        client.close()


def answer(redis: Redis) -> object:
    """What a Redis says, once it takes commands."""
    try:
        return redis.ping()
    except NoRedis as error:
        raise NotYet(str(error)) from error


def publish(celery: Celery) -> int:
    """Put messages of every priority into the queue; how many."""
    for priority, many in PRIORITIES.items():
        for number in range(many):
            celery.send_task(names.TASK_EXECUTE, args=[str(number)], priority=priority)
    return sum(PRIORITIES.values())


def test_messages_of_every_priority_are_waiting(celery: Celery) -> None:
    published = publish(celery)

    assert look(celery) == Seen(workers=0, waiting=published, unacked=0)


def test_what_a_worker_holds_is_counted_as_held(celery: Celery) -> None:
    published = publish(celery)
    with ExitStack() as holding:
        connection = holding.enter_context(celery.connection_for_write())
        channel = connection.default_channel
        held = [channel.basic_get(names.QUEUE) for _ in range(HELD)]  # without acknowledging

        seen = look(celery)

    assert all(held)
    assert seen == Seen(workers=0, waiting=published - HELD, unacked=HELD)


def test_a_plain_length_would_miss_them(celery: Celery) -> None:
    """That is what the audit found: the key of the queue's name holds what has no priority, and nothing else."""
    published = publish(celery)
    with celery.connection_for_read() as connection:
        plain = connection.default_channel.client.llen(names.QUEUE)

    assert plain == PRIORITIES[0] < published
