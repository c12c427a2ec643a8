"""What is missing is named before anything starts."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from launcher import preflight
from launcher.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield held.getsockname()[1]


def test_a_taken_port_is_named_with_its_setting(taken: int) -> None:
    with pytest.raises(Problem, match=rf"LOKI_PORT={taken}(.|\n)*\.env"):
        preflight.check_ports({"LOKI_PORT": taken}, ours=[])


def test_a_port_of_this_stack_may_be_taken(taken: int) -> None:
    preflight.check_ports({"LOKI_PORT": taken}, ours=[taken])


def test_two_services_cannot_share_a_port() -> None:
    with pytest.raises(Problem, match="API_PORT=1234, LOKI_PORT=1234"):
        preflight.check_ports({"API_PORT": 1234, "LOKI_PORT": 1234}, ours=[])


def test_too_little_memory_says_how_much_there_is(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 4194304 kB\nMemAvailable: 1048576 kB\n")

    with pytest.raises(Problem, match=r"1\.0 GiB available, 3\.0 GiB needed"):
        preflight.check_memory(meminfo=meminfo)

    preflight.check_memory(meminfo=meminfo, needed=2**29)


def test_too_little_disk_says_where(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=str(tmp_path)):
        preflight.check_disk(needed=2**60, folder=tmp_path)

    preflight.check_disk(needed=1, folder=tmp_path)
