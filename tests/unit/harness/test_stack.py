"""When a stack counts as well, and who is left out because a fault has it stopped."""

from __future__ import annotations

import pytest

from harness.compose import State, States
from harness.stack import all_well, all_well_but


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
