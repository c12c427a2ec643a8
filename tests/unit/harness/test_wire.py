"""The bad wire between two services: late, narrow, bounded, and how it resets a connection."""

from __future__ import annotations

import socket
import struct

import pytest

from harness.faults.inside.wire import QUEUE, Wire, checksum, refusal

NOTE = bytes(10)
OURS, HERS, HIS = b"\x02our12", b"\x02hers1", b"\x02his01"
SHE, HE = socket.inet_aton("172.18.0.2"), socket.inet_aton("172.18.0.3")
SYN, ACK, RST = 0x02, 0x10, 0x04


def frame(*, flags: int = ACK, payload: bytes = b"", target: bytes = HE) -> bytes:
    """A TCP segment from her to him, as it comes to the wire."""
    segment = struct.pack("!HHIIBBHHH", 40000, 6379, 1000, 2000, 5 << 4, flags, 512, 0, 0) + payload
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 1, 0, 64, 6, 0) + SHE + target
    return OURS + HERS + b"\x08\x00" + header + segment


def wire(**properties: float) -> Wire:
    """A wire between the two."""
    return Wire({SHE: HERS, HE: HIS}, own=OURS, **properties)


def test_a_frame_comes_out_late_and_at_the_right_address() -> None:
    slow = wire(latency=0.1)
    slow.take(NOTE + frame(payload=b"PING"), now=5.0)

    assert slow.due(5.09) == []
    assert slow.due(5.1) == [NOTE + HIS + OURS + frame(payload=b"PING")[12:]]
    assert slow.due(6.0) == []


def test_a_narrow_wire_takes_its_time_for_every_byte() -> None:
    narrow = wire(bytes_per_second=len(frame()) * 10)
    for _ in range(3):
        narrow.take(NOTE + frame(), now=0.0)

    assert [len(narrow.due(at)) for at in (0.05, 0.101, 0.201, 0.301)] == [0, 1, 1, 1]


def test_a_wire_holds_so_much_and_drops_the_rest() -> None:
    slow = wire(latency=1.0)
    for _ in range(QUEUE + 3):
        slow.take(NOTE + frame(), now=0.0)

    assert (len(slow.waiting), slow.dropped) == (QUEUE, 3)


def test_what_belongs_to_nobody_is_not_carried() -> None:
    quick = wire()
    quick.take(NOTE + frame(target=socket.inet_aton("172.18.0.9")), now=0.0)

    assert quick.due(1.0) == []


def test_the_wire_sleeps_until_the_next_frame_is_due() -> None:
    slow = wire(latency=0.5)
    assert slow.idle(0.0) is None

    slow.take(NOTE + frame(), now=0.0)
    assert slow.idle(0.2) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("flags", "numbers"),
    [(ACK, (2000, 0, RST)), (SYN, (0, 1001, RST | ACK))],
    ids=["a connection that stands", "one that is tried"],
)
def test_a_segment_is_answered_with_a_reset_that_its_sender_believes(
    flags: int, numbers: tuple[int, int, int]
) -> None:
    resetting = wire(reset=True)
    resetting.take(NOTE + frame(flags=flags, payload=b"PING"), now=0.0)

    (answer,) = resetting.due(0.0)
    addressed, header, segment = answer[10:22], answer[24:44], answer[44:]
    assert addressed == HERS + OURS
    assert header[12:20] == HE + SHE
    assert checksum(header) == 0
    assert checksum(HE + SHE + struct.pack("!BBH", 0, 6, len(segment)) + segment) == 0
    from_port, to_port, sequence, acknowledged, _, answered = struct.unpack_from("!HHIIBB", segment)
    assert (from_port, to_port) == (6379, 40000)
    assert (sequence, acknowledged, answered) == numbers


def test_a_reset_is_not_answered_with_another() -> None:
    assert refusal(frame(flags=RST)) is None
