"""The committed mutants fit the tree as it is, and those that need no containers are killed, in every run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from harness import mutation
from harness.mutation import KILLED, SURVIVED, Bench, Mutant

if TYPE_CHECKING:
    from pathlib import Path

MUTANTS = mutation.mutants()
AREAS = (
    "docker-compose.yml",
    "otel-collector/",
    "prometheus/",
    "alertmanager/",
    "loki/",
    "jaeger/",
    "sample_app/src/sample_app/telemetry/",
    "tests/harness/",
)
QUICK = [mutant for mutant in MUTANTS if mutant.needs == "nothing"]


def name_of(mutant: Mutant) -> str:
    return mutant.name


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copied = tmp_path_factory.mktemp("mutants") / "tree"
    mutation.copy(mutation.ROOT, copied)
    return copied


@pytest.mark.parametrize("mutant", MUTANTS, ids=name_of)
def test_a_mutant_fits_the_tree(mutant: Mutant, tree: Path) -> None:
    assert not mutation.apply(mutant, tree, "--check")


@pytest.mark.parametrize("mutant", MUTANTS, ids=name_of)
def test_who_must_notice_exists(mutant: Mutant, tree: Path) -> None:
    for node in mutant.noticed_by:
        file, _, test = node.partition("::")
        text = (tree / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {test.partition('[')[0]}\b" if test else "^def test_", text, re.MULTILINE)


def test_there_are_enough_mutants_and_not_too_many_that_need_a_stack() -> None:
    assert len(MUTANTS) >= 25
    assert sum(mutant.needs == "stack" for mutant in MUTANTS) <= 18, "each costs a start of the stack"


@pytest.mark.parametrize("area", AREAS)
def test_every_area_is_broken_by_a_mutant(area: str) -> None:
    assert [
        mutant.name for mutant in MUTANTS if f"\n+++ b/{area}" in mutant.patch.read_text(encoding="utf-8")
    ]


def test_without_a_mutant_nobody_objects() -> None:
    tests = {test for mutant in QUICK for test in mutant.noticed_by}
    result = Bench().attempt(sorted(tests), "nothing")

    assert result.verdict == SURVIVED, result.said


@pytest.mark.parametrize("mutant", QUICK, ids=name_of)
def test_a_mutant_is_killed(mutant: Mutant) -> None:
    result = Bench().attempt(mutant.noticed_by, mutant.needs, mutant)

    assert result.verdict == KILLED, f"{mutant.breaks}: {result.said}"
