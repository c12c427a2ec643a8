"""Where the launcher may not install an engine, it says what a person has to install."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from launcher import engine
from launcher.problem import Problem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_answers", lambda: False)
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def test_without_root_it_stops_with_one_message(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    monkeypatch.setattr(engine.os, "geteuid", lambda: 1000)

    with pytest.raises(Problem, match=r"only root may(.|\n)*install Docker Engine 20\.10 or newer"):
        engine.ensure(said.append)

    assert not said


def test_without_apt_it_stops_with_one_message(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    monkeypatch.setattr(engine.os, "geteuid", lambda: 0)
    monkeypatch.setattr(engine.shutil, "which", lambda _: None)

    with pytest.raises(Problem, match=r"no apt(.|\n)*install Docker Engine"):
        engine.ensure(said.append)

    assert not said


def test_an_engine_elsewhere_that_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")

    with pytest.raises(Problem, match=r"tcp://127\.0\.0\.1:1"):
        engine.ensure(said.append)


@pytest.mark.parametrize(
    ("printed", "works"), [("2.40.3-3", True), ("v2.30.0", True), ("2.29.7", False), ("1.29.2", False)]
)
def test_an_old_compose_is_not_enough(monkeypatch: pytest.MonkeyPatch, printed: str, works: bool) -> None:  # noqa: FBT001
    monkeypatch.setattr(engine, "run", lambda *_, **__: printed)

    assert engine._compose_works() is works


@pytest.mark.parametrize(
    ("stat", "holds"),
    [
        ("123 (dockerd) S 1 123 123 0", True),
        ("123 (dockerd) Z 1 123 123 0", False),  # killed, and not yet buried by its parent
        ("123 (bash) S 1 123 123 0", False),  # the number belongs to another program by now
        (None, False),  # nobody has the number
    ],
    ids=["alive", "zombie", "reused", "gone"],
)
def test_only_a_living_daemon_keeps_its_pid_file(tmp_path: Path, stat: str | None, holds: bool) -> None:  # noqa: FBT001
    pid_file = tmp_path / "docker.pid"
    pid_file.write_text("123\n")
    if stat:
        (tmp_path / "123").mkdir()
        (tmp_path / "123" / "stat").write_text(stat)

    assert engine._holds(pid_file, "dockerd", tmp_path) is holds
    assert pid_file.exists() is holds


def test_without_a_pid_file_nobody_lives(tmp_path: Path) -> None:
    assert not engine._holds(tmp_path / "docker.pid", "dockerd", tmp_path)
