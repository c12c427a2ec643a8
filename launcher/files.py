"""Files that are there whole or not at all: a full disk, or somebody who stops us, must not leave half of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def replace(path: Path, text: str) -> None:
    """Let the file have this text; what it had stays until all of that is written."""
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(text)
    draft.replace(path)
