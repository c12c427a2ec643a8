"""Files that are there whole or not at all: a full disk, or somebody who stops us, must not leave half of one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def replace(path: Path, text: str) -> None:
    """Let the file have this text; what it had stays until all of that is written."""
    path = path.resolve()  # where a link leads
    draft = path.with_name(f"{path.name}.part")
    draft.write_text(text)
    if path.exists():
        shutil.copymode(path, draft)
    draft.replace(path)
