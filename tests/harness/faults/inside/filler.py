"""Runs beside a container, with its volumes: fills a small disk, or frees it again.

    filler.py fill /data 268435456
    filler.py fill /data 268435456 0.1
    filler.py free /data

It is filled to the last byte, or until no more than this share of it is left.

A disk larger than the number of bytes given is left alone. Standard library only.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

_NAME = ".filled-by-a-test"
_BLOCK = bytes(65536)


def fill(path: Path, largest: int, left: float = 0.0) -> None:
    """Write until there is no room, or little."""
    disk = os.statvfs(path)
    size = disk.f_frsize * disk.f_blocks
    if size > largest:
        raise SystemExit(f"{path} is on a disk of {size} bytes; only one of at most {largest} may be filled")
    with (path / _NAME).open("ab", buffering=0) as filler:
        if left:
            while os.statvfs(path).f_bavail > left * disk.f_blocks:
                os.write(filler.fileno(), _BLOCK)
            return
        for block in (_BLOCK, _BLOCK[:1]):
            _write_until_full(filler.fileno(), block)


def _write_until_full(filler: int, block: bytes) -> None:
    while True:
        try:
            os.write(filler, block)
        except OSError as failure:
            if failure.errno != errno.ENOSPC:
                raise
            return


def free(path: Path) -> None:
    """Remove what filled it; nothing there is fine."""
    (path / _NAME).unlink(missing_ok=True)


def main(order: str, path: str, *limit: str) -> None:
    """Do what the command line says."""
    if order == "fill":
        fill(Path(path), int(limit[0]), *map(float, limit[1:]))
    else:
        free(Path(path))


if __name__ == "__main__":
    main(*sys.argv[1:])
