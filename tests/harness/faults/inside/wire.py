"""Runs in a container of its own, as the bad wire between two others: late, narrow, or broken.

Each side was told that the other has this container's hardware address (neighbours.py), so every frame between
them comes here, and is sent on to where it belongs when its time has come. It works on frames and not on connections:
those that stand are slowed too, nothing has to connect anew, and healing breaks none.

    wire.py '{"hardware": {"172.18.0.5": "02:42:ac:12:00:05", ...}, "latency": 0.1, "bytes_per_second": 0, "reset": false}'

Standard library only. Bounded: what does not fit into the queue is dropped, as a router does.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from collections import deque
from dataclasses import dataclass, field

QUEUE = 4096  # frames
_IPV4 = 0x0800
_TCP = 6
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_ETHERNET_HEADER = 14
_DESTINATION = slice(30, 34)  # of the IPv4 header, in the frame
# The kernel's note about checksums and segments that are still to be made; handed back as it came with the frame.
_NOTE_OPTION, _NOTE_LENGTH = 15, 10  # PACKET_VNET_HDR
_LONGEST = _NOTE_LENGTH + _ETHERNET_HEADER + 65536
_PACKET_LEVEL = 263  # SOL_PACKET


@dataclass
class Wire:
    """What happens to a frame."""

    hardware: dict[bytes, bytes]  # where an address really is
    own: bytes
    latency: float = 0.0  # seconds, one way
    bytes_per_second: float = 0.0  # each way; 0: as fast as it comes
    reset: bool = False
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)
    free_at: dict[bytes, float] = field(default_factory=dict)
    dropped: int = 0

    def take(self, noted: bytes, now: float) -> None:
        """Decide about a frame, the kernel's note before it."""
        note, frame = noted[:_NOTE_LENGTH], noted[_NOTE_LENGTH:]
        target = frame[_DESTINATION]
        if target not in self.hardware:
            return
        if self.reset and frame[23] == _TCP:
            answer = refusal(frame)
            if answer:
                sender = self.hardware.get(frame[26:30], frame[6:12])
                self.waiting.append((now, bytes(_NOTE_LENGTH) + sender + self.own + answer))
            return
        if len(self.waiting) >= QUEUE:
            self.dropped += 1
            return
        due = max(now, self.free_at.get(target, 0.0))
        if self.bytes_per_second:
            due += len(frame) / self.bytes_per_second
            self.free_at[target] = due
        self.waiting.append((due + self.latency, note + self.hardware[target] + self.own + frame[12:]))

    def due(self, now: float) -> list[bytes]:
        """Hand out the frames whose time has come, in order."""
        ready = [frame for at, frame in self.waiting if at <= now]
        self.waiting = deque((at, frame) for at, frame in self.waiting if at > now)
        return ready

    def idle(self, now: float) -> float | None:
        """Return for how long there is nothing to do; None if nothing waits at all."""
        return max(0.0, min(at for at, _ in self.waiting) - now) if self.waiting else None


def refusal(frame: bytes) -> bytes | None:
    """Answer a TCP segment as one who resets the connection: the rest of an Ethernet frame, from its type on."""
    header = (frame[_ETHERNET_HEADER] & 0x0F) * 4
    source, target = frame[26:30], frame[30:34]
    start = _ETHERNET_HEADER + header
    from_port, to_port, sequence, acknowledged = struct.unpack_from("!HHII", frame, start)
    flags = frame[start + 13]
    if flags & _RST:
        return None
    numbers = (acknowledged, 0, _RST) if flags & _ACK else (0, (sequence + 1) & 0xFFFFFFFF, _RST | _ACK)
    ours = struct.pack("!HHIIBBHHH", to_port, from_port, numbers[0], numbers[1], 5 << 4, numbers[2], 0, 0, 0)
    pseudo = target + source + struct.pack("!BBH", 0, _TCP, len(ours))
    ours = ours[:16] + struct.pack("!H", checksum(pseudo + ours)) + ours[18:]
    about = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(ours), 0, 0, 64, _TCP, 0) + target + source
    about = about[:10] + struct.pack("!H", checksum(about)) + about[12:]
    return struct.pack("!H", _IPV4) + about + ours


def checksum(data: bytes) -> int:
    """Return the Internet checksum."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def main(settings: str) -> None:
    """Carry frames until somebody ends it."""
    wanted = json.loads(settings)
    addresses = {
        socket.inet_aton(address): bytes.fromhex(hardware.replace(":", ""))
        for address, hardware in wanted.pop("hardware").items()
    }
    line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_IPV4))
    line.setsockopt(_PACKET_LEVEL, _NOTE_OPTION, 1)
    line.bind(("eth0", _IPV4))
    wire = Wire(addresses, own=line.getsockname()[4][:6], **wanted)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        readable, _, _ = select.select([line], [], [], wire.idle(time.monotonic()))
        if readable:
            wire.take(line.recv(_LONGEST), time.monotonic())
        for frame in wire.due(time.monotonic()):
            line.send(frame)


if __name__ == "__main__":
    main(*sys.argv[1:])
