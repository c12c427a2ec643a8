"""`python -m inside.open_loop PORT RATE SECONDS PREFIX`: requests on a fixed schedule, whatever the answers do.

As wrk2: every connection has its own schedule, latency counts from the moment a request was due, and
a request that has to wait for the one before it on its connection is late, not left out.
"""

import asyncio
import json
import sys
import time
from typing import cast

import uvloop
from inside.addresses import KEY

_CONNECTIONS = 32
_END = b"\r\n\r\n"


class _Connection(asyncio.Protocol):
    """One connection: sends what is due, one request at a time."""

    def __init__(self, due: list[tuple[float, str]]) -> None:
        self._due = due
        self._sent = 0
        self._answered = 0
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self.done = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        self.answered_ids: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self._schedule()

    def _schedule(self) -> None:
        if self._sent == len(self._due):
            self.done.set_result(None)
            return
        delay = self._due[self._sent][0] - time.perf_counter()
        asyncio.get_running_loop().call_later(max(0.0, delay), self._send)

    def _send(self) -> None:
        assert self._transport is not None
        request_id = self._due[self._sent][1]
        self._sent += 1
        request = (
            f"GET /api/v1/campaigns/7 HTTP/1.1\r\nHost: bench\r\n{KEY}\r\nX-Request-ID: {request_id}\r\n\r\n"
        )
        self._transport.write(request.encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(_END)
        if not found:
            return
        length = next(
            int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
        )
        if len(body) < length:
            return
        self._buffer = b""
        due, request_id = self._due[self._answered]
        self._answered += 1
        if head.startswith(b"HTTP/1.1 200"):
            self.latencies.append((time.perf_counter() - due) * 1000)
            self.answered_ids.append(request_id)
        self._schedule()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server hung up"))


async def _run(port: int, rate: float, seconds: float, prefix: str) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    begin = time.perf_counter() + 0.2
    due = [(begin + i / rate, f"{prefix}-{i}") for i in range(int(rate * seconds))]
    connections = []
    for i in range(_CONNECTIONS):
        _, connection = await loop.create_connection(
            lambda i=i: _Connection(due[i::_CONNECTIONS]), "127.0.0.1", port
        )
        connections.append(connection)
    await asyncio.gather(*(connection.done for connection in connections))
    return {
        "sent": len(due),
        "latencies": [ms for connection in connections for ms in connection.latencies],
        "ids": [one for connection in connections for one in connection.answered_ids],
    }


if __name__ == "__main__":
    arguments = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    result = json.dumps(uvloop.run(_run(*arguments)))
    # the image runs unbuffered, and then Python drops what a pipe does not take at once
    with open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False) as out:
        out.write(result)
