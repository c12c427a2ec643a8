"""A file is replaced whole, and stays what it was otherwise."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from launcher.files import replace

if TYPE_CHECKING:
    from pathlib import Path


def test_a_new_file_is_made(tmp_path: Path) -> None:
    replace(tmp_path / ".env", "A=1\n")

    assert [one.name for one in tmp_path.iterdir()] == [".env"]
    assert (tmp_path / ".env").read_text() == "A=1\n"


def test_a_persons_own_mode_and_link_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / ".env"
    real.write_text("A=1\n")
    real.chmod(0o600)
    link.symlink_to(real)

    replace(link, "A=2\n")

    assert link.is_symlink()
    assert (real.read_text(), stat.S_IMODE(real.stat().st_mode)) == ("A=2\n", 0o600)


def test_what_cannot_be_written_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(path), "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        replace(path, "A=2\n")

    assert path.read_text() == "A=1\n"
