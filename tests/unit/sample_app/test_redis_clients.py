"""Every client of the cache and the broker comes from one place, and waits for nobody without an end."""

import asyncio
import inspect
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as ConnectionLost

from sample_app import redis_clients
from sample_app.settings import Settings

SOURCES = Path(redis_clients.__file__).parent
SETTINGS = Settings(redis_host="cache", redis_username="app", redis_password="p@ss", broker_host="broker")


@pytest.mark.parametrize(
    ("client", "host", "answer", "connect"),
    [
        (redis_clients.async_cache(SETTINGS), "cache", 1.0, 1.0),
        (redis_clients.async_broker(SETTINGS), "broker", 1.0, 1.0),
        (redis_clients.broker(SETTINGS), "broker", 1.0, 1.0),
        (redis_clients.broker(SETTINGS, seconds=5.0), "broker", 5.0, 1.0),
        (redis_clients.cache_to_tell(SETTINGS), "cache", 0.25, 0.25),
    ],
    ids=["async cache", "async broker", "broker", "patient broker", "cache to tell"],
)
def test_a_client_knows_its_server_and_both_time_outs(
    client: redis_clients.Redis, host: str, answer: float, connect: float
) -> None:
    made_with = client.connection_pool.connection_kwargs

    assert made_with["host"] == host
    assert made_with["username"] == ("app" if host == "cache" else None)
    assert made_with["password"] == ("p@ss" if host == "cache" else None)
    assert (made_with["socket_timeout"], made_with["socket_connect_timeout"]) == (answer, connect)


@pytest.mark.parametrize(
    ("make", "tries"),
    [
        (redis_clients.async_cache, 2),
        (redis_clients.async_broker, 2),
        (redis_clients.broker, 2),
        (redis_clients.cache_to_tell, 1),
    ],
)
def test_an_absent_server_is_tried_twice_at_most(
    make: Callable[[Settings], Any], tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []

    def unknown(host: str, *_: object, **__: object) -> None:
        looked_up.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    async def ask() -> None:
        answer = make(SETTINGS).get("key")
        if inspect.isawaitable(answer):
            await answer

    with pytest.raises(ConnectionLost):
        asyncio.run(ask())

    assert len(looked_up) == tries, looked_up


def test_nobody_else_makes_a_client() -> None:
    makers = [
        str(path.relative_to(SOURCES))
        for path in sorted(SOURCES.rglob("*.py"))
        if re.search(r"\bRedis\(|from_url\(", path.read_text(encoding="utf-8"))
    ]

    assert makers == ["redis_clients.py"]
