"""Runs beside a stopped container, with its volumes: removes whatever is below a path, and leaves the path.

    emptier.py /prometheus

Standard library only.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def empty(path: Path) -> None:
    """Remove everything below."""
    for one in path.iterdir():
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one)
        else:
            one.unlink()


if __name__ == "__main__":
    empty(Path(sys.argv[1]))
