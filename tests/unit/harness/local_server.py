"""A store made of canned answers, on a free port of this machine: what the clients' tests talk to."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True)
class Asked:
    """One request that arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


def _nothing(_asked: Asked) -> None:
    return None


@dataclass
class Canned:
    """Answers by path, and what was asked."""

    answers: dict[str, Any]
    statuses: dict[str, int] = field(default_factory=dict)  # of answers that are made
    fallback: Callable[[Asked], object] = _nothing  # for paths without an answer
    address: str = ""
    asked: list[Asked] = field(default_factory=list)


def _answer_of(canned: Canned, asked: Asked) -> tuple[int, Any]:
    answer = canned.answers.get(asked.path)
    if callable(answer):
        made = answer(asked)  # which may say with which status
        return canned.statuses.get(asked.path, 200), made
    if answer is None:
        made = canned.fallback(asked)
        return (404, {"error": "no such page"}) if made is None else (200, made)
    status, body = answer
    return status, body


@dataclass
class Replied:
    """One request that was answered with bytes, as it arrived."""

    port: int
    request: bytes = b""


@contextmanager
def replying(reply: bytes) -> Iterator[Replied]:
    """Answer one connection's request with these bytes, which need not be HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        replied = Replied(server.getsockname()[1])

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                replied.request = connection.recv(1024)
                connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        yield replied
        thread.join()


@contextmanager
def serving(**answers: object) -> Iterator[Canned]:
    """Serve *answers* by path: a body, (status, body), or what makes a body of a request; other paths are 404."""
    canned = Canned(
        {
            path: found if isinstance(found, tuple) or callable(found) else (200, found)
            for path, found in answers.items()
        }
    )

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            parts = urlsplit(self.path)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            canned.asked.append(
                Asked(self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers.items()))
            )
            status, body = _answer_of(canned, canned.asked[-1])
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the library's names

        def log_message(self, *_args: object) -> None:
            """Say nothing: the test's own failure says enough."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        canned.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
        thread.start()
        try:
            yield canned
        finally:
            server.shutdown()
            thread.join()
