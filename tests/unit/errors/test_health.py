"""The tracker's healthcheck tells an answer from a refusal, an error and silence."""

from __future__ import annotations

import socket

import pytest
from errors.health import answers

from unit.harness.local_server import replying


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
    with replying(reply) as replied:
        assert answers(port=replied.port) is healthy


def test_nobody_listening_is_not_healthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]

    assert not answers(port=free)
