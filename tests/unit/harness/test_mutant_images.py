"""A broken copy runs images of its own where its patch changes what is in them, and leaves none behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from launcher.problem import Problem

from harness import mutant_images

if TYPE_CHECKING:
    from pathlib import Path

API = "--- a/sample_app/src/sample_app/api.py\n+++ b/sample_app/src/sample_app/api.py\n"
PIPELINE = "--- a/otel-collector/config.yml\n+++ b/otel-collector/config.yml\n"


class Engine:
    """What was asked of Docker, in words; it fails at a word."""

    def __init__(self, fails_at: str = "") -> None:
        self.asked: list[str] = []
        self.fails_at = fails_at

    def run(self, command: list[str], **_: object) -> str:
        """Note a command."""
        self.asked.append(" ".join(command[-3:] if command[1] != "compose" else command[-2:]))
        if self.fails_at and self.fails_at in self.asked[-1]:
            raise Problem("it failed", "mend it")
        return ""


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Docker, as far as it matters here."""
    one = Engine()
    monkeypatch.setattr(mutant_images, "run", one.run)
    monkeypatch.setattr(mutant_images, "succeeds", one.run)
    return one


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy."""
    folder = tmp_path / "stratum-mutant-0a1b2c3d" / "tree"
    folder.mkdir(parents=True)
    return folder


def test_sources_that_are_in_an_image_are_told_from_files_that_are_mounted() -> None:
    assert mutant_images.changed(API + PIPELINE) == {"sample_app"}
    assert mutant_images.changed(PIPELINE) == set()


def test_a_patch_of_mounted_files_needs_no_image(engine: Engine, tree: Path) -> None:
    with mutant_images.built(PIPELINE, tree) as settings:
        assert settings == {}
    assert engine.asked == []


def test_the_broken_image_is_built_and_the_other_named_alike(engine: Engine, tree: Path) -> None:
    with mutant_images.built(API, tree) as settings:
        assert settings == {"STRATUM_RELEASE": "mutant-0a1b2c3d"}
        assert engine.asked == ["build api", "tag stratum/inbox:dev stratum/inbox:mutant-0a1b2c3d"]
    assert engine.asked[2:] == [
        f"rm --force {image}:mutant-0a1b2c3d" for image in ("stratum/sample-app", "stratum/inbox")
    ]


def test_a_build_that_fails_leaves_no_image(engine: Engine, tree: Path) -> None:
    engine.fails_at = "build"
    with pytest.raises(Problem), mutant_images.built(API, tree):
        pass
    assert [words for words in engine.asked if words.startswith("rm ")]
