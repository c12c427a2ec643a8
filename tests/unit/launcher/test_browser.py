"""The processes of a test run ask for the browser at once; one of them installs it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from launcher import browser, engine

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_AT_ONCE = 4


def test_four_who_ask_at_once_get_one_that_was_installed_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Apt refuses a second one of itself, so those who come later wait and find it there."""
    asked = threading.Barrier(_AT_ONCE)
    commands: list[str] = []

    def run(command: list[str], **_: object) -> str:
        commands.append(command[1])
        return ""

    def found() -> str | None:
        return "/usr/bin/chromium" if "install" in commands else None

    def say(_text: str) -> None:
        asked.wait(timeout=5)  # all have seen that it is missing

    monkeypatch.setattr(engine, "run", run)
    monkeypatch.setattr(engine, "_APT_LOCK", tmp_path / "apt.lock")
    monkeypatch.setattr(browser, "_found", found)
    monkeypatch.setattr(browser.os, "geteuid", lambda: 0)
    monkeypatch.setattr(browser.shutil, "which", lambda _: "/usr/bin/apt-get")

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        paths = list(threads.map(lambda _: browser.ensure(say), range(_AT_ONCE)))

    assert paths == ["/usr/bin/chromium"] * _AT_ONCE
    assert commands == ["update", "install"]
