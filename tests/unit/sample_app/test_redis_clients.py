"""Every client of the cache and the broker comes from one place, and waits for nobody without an end."""

import asyncio
import contextlib
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
_ANSWERS = {b"HELLO": b"%1\r\n+proto\r\n:3\r\n", b"PING": b"+PONG\r\n"}
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


async def _obey(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Be a Redis that does whatever it is told, to one client."""
    with contextlib.closing(writer):
        while line := await reader.readline():
            words = []
            for _ in range(int(line[1:])):
                size = int((await reader.readline())[1:])
                words.append((await reader.readexactly(size + 2))[:-2])
            writer.write(_ANSWERS.get(words[0], b"+OK\r\n"))


def test_who_comes_when_all_connections_are_in_use_waits_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A burst is no outage: nobody is refused, and the server sees no more connections than agreed."""
    # a busy machine serves two hundred later than it should
    for limit in ("ANSWER_SECONDS", "CONNECT_SECONDS"):
        monkeypatch.setattr(redis_clients, limit, 60.0)
    connections: list[int] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await _obey(reader, writer)

    async def burst() -> list[object]:
        async with await asyncio.start_server(accept, "127.0.0.1") as server:
            host, port = server.sockets[0].getsockname()
            client = redis_clients.async_cache(Settings(redis_host=host, redis_port=port))
            answers = await asyncio.gather(*(client.set("key", n) for n in range(200)))
            await client.aclose()
            return answers

    assert asyncio.run(burst()) == [True] * 200
    assert len(connections) <= redis_clients.CONNECTIONS


def test_nobody_waits_for_a_connection_longer_than_for_an_answer() -> None:
    pools = [
        make(SETTINGS).connection_pool for make in (redis_clients.async_cache, redis_clients.async_broker)
    ]
    assert [pool.timeout for pool in pools] == [redis_clients.ANSWER_SECONDS] * 2


def test_nobody_else_makes_a_client() -> None:
    makers = [
        str(path.relative_to(SOURCES))
        for path in sorted(SOURCES.rglob("*.py"))
        if re.search(r"\bRedis\(|from_url\(", path.read_text(encoding="utf-8"))
    ]

    assert makers == ["redis_clients.py"]
