"""What a dead worker held is given back soon, even if whoever was giving back has died as well, or the disk was full."""

from __future__ import annotations

from kombu.transport.redis import Mutex  # type: ignore[import-untyped]

from harness import local_redis
from sample_app.queueing import make_celery
from sample_app.settings import Settings

SOON = 10_000  # milliseconds


def test_the_lock_of_whoever_gives_back_outlives_him_for_seconds() -> None:
    """While it stands, every worker's messages stay with the dead; a real lock in a real Redis."""
    with (
        local_redis.running() as (host, port),
        make_celery(Settings(broker_host=host, broker_port=port)).connection_for_write() as connection,
    ):
        channel = connection.default_channel
        qos = channel.qos
        with Mutex(channel.client, qos.unacked_mutex_key, qos.unacked_mutex_expire):
            assert 0 < channel.client.pttl(qos.unacked_mutex_key) <= SOON
