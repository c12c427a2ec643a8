"""Where the launcher may not install an engine, it says what a person has to install."""

from __future__ import annotations

import pytest
from launcher import engine
from launcher.problem import Problem


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
