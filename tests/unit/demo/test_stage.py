"""The demo ends well only if everything that it shows happened, in time, behind links that open."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from demo import stage
from demo.__main__ import show, verdict
from demo.scenes import SCENES
from demo.stage import Played, play
from rich.console import Console

from alerting.alert_faults import FAULTS
from unit.harness.local_server import serving


@pytest.fixture
def played() -> Played:
    """A scene of which nothing was shown yet."""
    return Played(SCENES[0])


def test_a_link_that_opens_is_shown(played: Played) -> None:
    with serving(**{"/page": {}}) as store:
        played.show("the metric", "0.5", f"{store.address}/page")
    assert (played.facts[0].said, played.trouble) == ("0.5", [])


def test_a_link_that_does_not_open_is_trouble(played: Played) -> None:
    with serving() as store:
        played.show("the metric", "0.5", f"{store.address}/nowhere")
    assert "answers 404" in played.trouble[0]


@pytest.mark.parametrize(("seconds", "trouble"), [(3.0, 0), (3.1, 1)])
def test_whoever_is_told_late_is_trouble(played: Played, seconds: float, trouble: int) -> None:
    played.judge("HighErrorRate told", seconds, 3.0)
    assert len(played.trouble) == trouble


def test_a_step_that_does_not_happen_ends_the_scene_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> None:
        raise AssertionError("nobody was told")

    monkeypatch.setattr(stage, "_play", silent)
    assert play(SCENES[0], SimpleNamespace(), lambda _: None).trouble == ["nobody was told"]


@pytest.mark.parametrize(
    ("trouble", "minutes", "code"), [([], 4.0, 0), (["nobody was told"], 4.0, 1), ([], 5.5, 1)]
)
def test_the_exit_code_is_the_verdict(played: Played, trouble: list[str], minutes: float, code: int) -> None:
    played.trouble = trouble
    printed = io.StringIO()
    console = Console(file=printed, width=100)
    show(console, played)
    assert verdict(console, [played], minutes) == code
    assert all(reason in printed.getvalue() for reason in trouble)


def test_three_scenes_are_of_rules_that_are_proved() -> None:
    assert len(SCENES) == 3
    assert {scene.row for scene in SCENES} <= set(FAULTS)
