"""Runs in the network of a container: tells it that a neighbour has another hardware address, or forgets that again.

What is sent to the neighbour then goes elsewhere: to nobody, which is a cut, or to the wire (wire.py).
Standard library only; `ip neighbour` would do the same, but no image here has it.

    neighbours.py set 02:00:00:00:00:01 172.18.0.5 172.18.0.6
    neighbours.py forget 172.18.0.5 172.18.0.6
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
import sys

_SET, _FORGET = 0x8955, 0x8953  # SIOCSARP, SIOCDARP
_COMPLETE_AND_PERMANENT = 0x02 | 0x04  # what the network says does not change it
_ETHERNET = 1
_ENTRY = "HH4s8x H6s8x i 16x 16x"  # struct arpreq: protocol address, hardware address, flags, mask, device


def entry(address: str, hardware: str) -> bytes:
    """Return the kernel's form of one neighbour."""
    where = socket.inet_aton(address)
    return struct.pack(
        _ENTRY,
        socket.AF_INET,
        0,
        where,
        _ETHERNET,
        bytes.fromhex(hardware.replace(":", "")),
        _COMPLETE_AND_PERMANENT,
    )


def main(order: str, *arguments: str) -> None:
    """Set or forget what the command line says."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        if order == "set":
            hardware, *addresses = arguments
            for address in addresses:
                fcntl.ioctl(any_socket, _SET, entry(address, hardware))
            return
        for address in arguments:
            try:
                fcntl.ioctl(any_socket, _FORGET, entry(address, "00:00:00:00:00:00"))
            except OSError as failure:
                if failure.errno not in {errno.ENOENT, errno.ENXIO}:  # forgotten already
                    raise


if __name__ == "__main__":
    main(*sys.argv[1:])
