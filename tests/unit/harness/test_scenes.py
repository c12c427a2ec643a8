"""A failure is looked at when it happens, once a test, and its report is found again by the exception."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness import diagnostics
from harness.eventually import NotYet, Probe, Unmet, eventually, onlookers
from harness.scenes import Scenes

if TYPE_CHECKING:
    from pathlib import Path


class Broken:
    """A stack that is broken until somebody heals it."""

    def __init__(self) -> None:
        self.sent: list[str] = ["of an earlier test"]
        self.is_broken = True


@pytest.fixture
def scenes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Scenes:
    """Scenes of a stack whose reports say whether it was broken when they were written."""

    def collect(stack: Any, failure: diagnostics.Failure, *, folder: Path) -> str:  # noqa: ANN401, ARG001
        return f"{failure.test}: {'broken' if stack.is_broken else 'healed'}"

    monkeypatch.setattr(diagnostics, "collect", collect)
    stack: Any = Broken()
    return Scenes(stack, tmp_path, "first")


def read() -> None:
    raise NotYet("nothing")


def failed(scenes: Scenes) -> Unmet:
    """Wait in vain under a fault, which is healed on the way out."""

    def under_a_fault() -> None:
        try:
            eventually(Probe("x", "y", read), within=0)
        finally:
            scenes.stack.is_broken = False  # type: ignore[attr-defined]

    with pytest.raises(Unmet) as caught:
        under_a_fault()
    return caught.value


def test_a_wait_that_failed_is_seen_before_its_fault_is_healed(
    scenes: Scenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.eventually.onlookers", [scenes.look])
    assert scenes.of(failed(scenes)) == "first: broken"


def test_without_an_onlooker_it_is_seen_too_late(scenes: Scenes) -> None:
    assert scenes.look not in onlookers
    assert scenes.of(failed(scenes)) == "first: healed"


def test_what_fails_on_the_way_out_is_explained_by_what_failed_first(
    scenes: Scenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.eventually.onlookers", [scenes.look])
    first = failed(scenes)
    second = RuntimeError("could not be healed")
    second.__context__ = first
    assert scenes.of(second) == "first: broken"


def test_a_fixture_that_failed_explains_every_test_that_wanted_it(scenes: Scenes) -> None:
    failure = OSError("no stack")
    scenes.look(failure)
    scenes.begin("second")
    assert scenes.of(failure) == "first: broken"


def test_a_failure_that_a_test_expected_explains_no_other(scenes: Scenes) -> None:
    scenes.look(Unmet.__new__(Unmet))
    assert scenes.of(AssertionError("another")) == "first: broken"
    scenes.stack.is_broken = False  # type: ignore[attr-defined]
    assert scenes.of(AssertionError("a third")) == "first: healed"


def test_a_test_begins_without_traces(scenes: Scenes) -> None:
    scenes.begin("second")
    assert scenes.stack.sent == []
    assert scenes.of(OSError("x")) == "second: broken"
