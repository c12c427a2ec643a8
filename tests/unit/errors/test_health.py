"""The tracker's healthcheck tells an answer from a refusal, an error and silence."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from errors.health import answers

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def _server(reply: bytes) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("reply", "healthy"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nOK", True),
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", False),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n200", False),
        (b"", False),
    ],
)
def test_only_a_200_is_healthy(reply: bytes, healthy: bool) -> None:  # noqa: FBT001  # a row of the table above
    with _server(reply) as port:
        assert answers(port=port) is healthy


def test_nobody_listening_is_not_healthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]

    assert not answers(port=free)
