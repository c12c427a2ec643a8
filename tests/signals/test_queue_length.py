"""Every message in the broker is counted, wherever Celery's transport keeps it: by priority, and while a worker holds it.

The exporter asks a real Redis into which a real Celery put its messages; no worker runs, so none is taken away meanwhile.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from harness import local_redis
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
    """Celery with a broker of this test's own, to which a busy machine is given time."""
    with local_redis.running() as (host, port):
        app = make_celery(Settings(broker_host=host, broker_port=port), impatient=True)
        patience = {"socket_connect_timeout": 30.0, "socket_timeout": 30.0}
        app.conf.broker_transport_options = app.conf.broker_transport_options | patience
        app.conf.broker_connection_timeout = 30.0
        yield app


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
