"""When a stack counts as well, and who is left out because a fault has it stopped."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from harness.compose import State, States
from harness.stack import Stack, all_well, all_well_but


def states(*, loki: tuple[str, int] = ("running", 0), api: str = "healthy") -> States:
    return States((State("api", "running", api, 0), State("loki", loki[0], "", loki[1])))


def test_all_well() -> None:
    all_well(states())

    with pytest.raises(AssertionError, match=r"not well: loki exited 137"):
        all_well(states(loki=("exited", 137)))


def test_who_is_away_on_purpose_may_be_unwell() -> None:
    all_well_but({"loki"})(states(loki=("exited", 137)))


def test_the_others_may_not() -> None:
    with pytest.raises(AssertionError, match=r"^not well: api running \(starting\)\n"):
        all_well_but({"loki"})(states(loki=("exited", 137), api="starting"))


@pytest.mark.parametrize(
    ("how", "restarting", "trouble"),
    [
        (("restarting", 137), set(), "loki restarting; loki said last:\nout of memory"),
        (("restarting", 137), {"loki"}, None),
        (("exited", 137), {"loki"}, "loki exited 137; loki said last:\nout of memory"),
        (("running", 0), set(), None),
    ],
)
def test_who_may_restart_is_given_time_and_who_has_ended_is_not(
    how: tuple[str, int], restarting: set[str], trouble: str | None
) -> None:
    compose = SimpleNamespace(states=lambda: states(loki=how), tail=lambda *_: "out of memory")
    assert Stack.trouble(SimpleNamespace(compose=compose), restarting=restarting) == trouble  # type: ignore[arg-type]
