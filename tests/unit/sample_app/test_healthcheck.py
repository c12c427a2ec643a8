"""The application's healthcheck tells an answer from a refusal, an error and silence, and a scheduler from one that was."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

import pytest

from sample_app.healthcheck import is_healthy
from unit.harness.local_server import replying

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("reply", "healthy"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n200", False),
        (b"", False),
    ],
)
def test_only_a_200_is_healthy(reply: bytes, healthy: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001 - a row
    with replying(reply) as replied:
        monkeypatch.setenv("STRATUM_PUBLIC_PORT", str(replied.port))
        assert is_healthy("api") is healthy
    assert replied.request.startswith(b"GET /health/live HTTP/")


def test_nobody_listening_is_not_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("STRATUM_WORKER_METRICS_PORT", str(server.getsockname()[1]))

    assert not is_healthy("worker")


def test_a_scheduler_is_healthy_while_it_was_seen_lately(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATUM_SCHEDULE_FILE", str(tmp_path / "schedule"))
    assert not is_healthy("scheduler")

    seen = tmp_path / "schedule.alive"
    seen.touch()
    assert is_healthy("scheduler")

    long_ago = time.time() - 31
    os.utime(seen, (long_ago, long_ago))
    assert not is_healthy("scheduler")
