"""Faults of the network, of memory and of disks are undone whatever happens, by whoever acts inside the stack."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from docker.errors import APIError

from harness import disks
from harness.faults import resources
from harness.faults.inside import emptier, filler, neighbours
from harness.faults.network import Between, cut_off

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Helpers:
    """Helpers that remember what they were asked for."""

    def __init__(self, refuses: str = "") -> None:
        self.ran: list[tuple[str, ...]] = []
        self.refuses = refuses

    def run(self, script: str, *arguments: str, **where: Any) -> str:  # noqa: ANN401
        """Note an order, and for whom."""
        self.ran.append((where.get("network_mode", "").removeprefix("container:"), *arguments))
        if self.refuses in arguments:
            raise RuntimeError(f"{script} {' '.join(arguments)} failed")
        return ""

    @contextmanager
    def running(self, _script: str, *_arguments: str, **_where: Any) -> Iterator[SimpleNamespace]:  # noqa: ANN401
        """Be a wire for a while."""
        self.ran.append(("wire", "begins"))
        try:
            yield container("wire", 9)
        finally:
            self.ran.append(("wire", "ends"))


def container(name: str, number: int, *, status: str = "running") -> SimpleNamespace:
    """A container with an address."""
    network = {
        "IPAddress": f"172.18.0.{number}",
        "MacAddress": f"02:42:ac:12:00:0{number}",
        "Aliases": [name],
    }
    attributes = {
        "NetworkSettings": {"Networks": {"stratum_default": network}},
        "HostConfig": {"Memory": 192},
        "Config": {"User": "999:999"},
    }
    return SimpleNamespace(id=name, status=status, reload=lambda: None, attrs=attributes, asked=[])


@pytest.fixture
def helpers() -> Helpers:
    """Willing ones."""
    return Helpers()


def between(helpers: Helpers, **status: str) -> Between:
    """The network between one container and two."""
    ones = [container("prometheus", 2)]
    return Between(helpers, ones, [container("loki", 3, **status), container("loki-2", 4)])


FORGOTTEN = {
    ("prometheus", "forget", "172.18.0.3", "172.18.0.4"),
    ("loki", "forget", "172.18.0.2"),
    ("loki-2", "forget", "172.18.0.2"),
}


def test_a_cut_tells_both_sides_and_lets_them_forget(helpers: Helpers) -> None:
    with between(helpers).cut():
        told = {(who, order, *addresses) for who, order, _, *addresses in helpers.ran}
        assert told == {(who, "set", *addresses) for who, _, *addresses in FORGOTTEN}
        helpers.ran.clear()
    assert set(helpers.ran) == FORGOTTEN


@pytest.mark.parametrize("way", [Between.cut, Between.wired], ids=["cut", "wired"])
def test_both_sides_forget_when_the_body_raises(way: Callable[[Between], Any], helpers: Helpers) -> None:
    with pytest.raises(ZeroDivisionError), way(between(helpers)):
        raise ZeroDivisionError
    assert set(helpers.ran) >= FORGOTTEN


def test_both_sides_forget_when_one_could_not_be_told() -> None:
    helpers = Helpers(refuses="set")
    with pytest.raises(RuntimeError, match="set"), between(helpers).cut():
        pytest.fail("the body must not run under half a cut")
    assert set(helpers.ran) >= FORGOTTEN


def test_the_wire_goes_after_nobody_leads_to_it_any_more(helpers: Helpers) -> None:
    with between(helpers).wired(latency=0.1):
        assert helpers.ran[0] == ("wire", "begins")
    assert helpers.ran[-1] == ("wire", "ends")


def test_who_stopped_meanwhile_has_nothing_to_forget(helpers: Helpers) -> None:
    with between(helpers, status="exited").cut():
        helpers.ran.clear()
    assert {who for who, *_ in helpers.ran} == {"prometheus", "loki-2"}


def test_who_was_cut_off_gets_its_names_back_when_the_body_raises() -> None:
    api, connected = container("api", 2), []
    networks = SimpleNamespace(
        disconnect=lambda one: one.attrs["NetworkSettings"].update(Networks={}),
        connect=lambda one, *, aliases: connected.append((one.id, aliases)),
    )
    client = SimpleNamespace(networks=SimpleNamespace(get=lambda _name: networks))
    with pytest.raises(ZeroDivisionError), cut_off(api, client):
        raise ZeroDivisionError
    assert connected == [("api", ["api"])]


def test_memory_is_given_back_when_the_body_raises() -> None:
    redis = container("redis", 2)
    redis.update = lambda *, mem_limit: redis.asked.append(mem_limit)
    with pytest.raises(ZeroDivisionError), resources.squeezed(redis, to=48):
        raise ZeroDivisionError
    assert redis.asked == [48, 192]


@pytest.mark.parametrize(("status", "times"), [(500, 2), (409, 1)], ids=["between two starts", "refused"])
def test_memory_is_given_back_as_soon_as_there_is_a_process_to_have_it(status: int, times: int) -> None:
    redis, answers = container("redis", 2), [None, APIError("no", SimpleNamespace(status_code=status)), None]

    def update(*, mem_limit: int) -> None:
        redis.asked.append(mem_limit)
        if (answer := answers.pop(0)) is not None:
            raise answer

    redis.update = update
    with suppress(APIError), resources.squeezed(redis, to=48):
        pass
    assert redis.asked == [48, *[192] * times]


def test_a_disk_is_freed_when_it_could_not_be_filled() -> None:
    helpers = Helpers(refuses="fill")
    with (
        pytest.raises(RuntimeError, match="fill"),
        resources.disk_full(container("redis-broker", 2), helpers, path="/data"),
    ):
        pytest.fail("the body must not run with room on the disk")
    assert [order for _, order, *_ in helpers.ran] == ["fill", "free"]


def test_a_disk_of_the_machine_is_never_filled(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="only one of at most 1000"):
        filler.main("fill", str(tmp_path), "1000")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_is_filled_to_the_last_byte_and_freed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room, write = 200_000, os.write

    def until_full(file: int, block: bytes) -> int:
        nonlocal room
        if len(block) > room:
            raise OSError(errno.ENOSPC, "No space left on device")
        room -= len(block)
        return write(file, block)

    monkeypatch.setattr(filler.os, "write", until_full)
    filler.main("fill", str(tmp_path), str(2**60))
    assert room == 0

    filler.main("free", str(tmp_path))
    filler.main("free", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_is_filled_but_for_a_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = os.statvfs(tmp_path)
    written = tmp_path / ".filled-by-a-test"

    def left(_path: Path) -> SimpleNamespace:
        used = written.stat().st_size if written.exists() else 0
        return SimpleNamespace(f_frsize=room.f_frsize, f_blocks=1000, f_bavail=1000 - used // 4096)

    monkeypatch.setattr(filler.os, "statvfs", left)
    filler.main("fill", str(tmp_path), str(2**60), "0.1")
    assert written.stat().st_size // 4096 == pytest.approx(900, abs=16)


def test_everything_below_a_path_goes_and_the_path_stays(tmp_path: Path) -> None:
    (tmp_path / "wal" / "deep").mkdir(parents=True)
    (tmp_path / "wal" / "deep" / "segment").write_text("x")
    (tmp_path / "link").symlink_to("/")
    emptier.empty(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_neighbour_is_written_as_the_kernel_reads_it() -> None:
    entry = neighbours.entry("172.18.0.3", "02:00:00:00:00:01")
    assert len(entry) == 68
    assert entry[4:8] == socket.inet_aton("172.18.0.3")
    assert entry[18:24] == bytes.fromhex("020000000001")


def test_every_small_disk_may_be_filled() -> None:
    for options in disks.SMALL.values():
        size = dict(one.split("=") for one in options.split(","))["size"]
        assert int(size.removesuffix("m")) * 2**20 <= resources.LARGEST_DISK
