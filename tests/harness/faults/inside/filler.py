"""Runs beside a container, with its volumes: fills a small disk to the last byte, or frees it again.

    filler.py fill /data 268435456
    filler.py free /data

A disk larger than the number of bytes given is left alone. Standard library only.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

_NAME = ".filled-by-a-test"
_BLOCK = bytes(65536)


def fill(path: Path, largest: int) -> None:
    """Write until there is no room."""
    disk = os.statvfs(path)
    size = disk.f_frsize * disk.f_blocks
    if size > largest:
        raise SystemExit(f"{path} is on a disk of {size} bytes; only one of at most {largest} may be filled")
    with (path / _NAME).open("ab", buffering=0) as filler:
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
        fill(Path(path), int(limit[0]))
    else:
        free(Path(path))


if __name__ == "__main__":
    main(*sys.argv[1:])
