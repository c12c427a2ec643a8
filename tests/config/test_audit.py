"""The audit's twenty findings each name a test that would notice them today, and that test exists."""

from __future__ import annotations

import re

import pytest
import yaml
from launcher.environment import ROOT

AUDIT = (ROOT / "docs" / "reference" / "audit.md").read_text()
ROWS = re.findall(r"^\| (\d+) \| (.+?) \| (.+) \|$", AUDIT, re.MULTILINE)
NODES = [
    (number, file, test)
    for number, _, noticed in ROWS
    for file, _, test in re.findall(r"`(tests/[\w/.-]+)(::(\w+))?`", noticed)
]
NAMED = [
    (number, file, name)
    for number, _, noticed in ROWS
    for file, name in re.findall(r"`(prometheus/tests/[\w.-]+)`: \"([^\"]+)\"", noticed)
]


def test_all_twenty_are_listed_and_noticed_by_something() -> None:
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 21))
    assert {number for number, *_ in [*NODES, *NAMED]} == {number for number, _, _ in ROWS}


@pytest.mark.parametrize(("number", "file", "test"), NODES)
def test_a_test_that_is_named_exists(number: str, file: str, test: str) -> None:
    assert (ROOT / file).exists(), number
    assert not test or re.search(rf"^def {test}\b", (ROOT / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize(("number", "file", "name"), NAMED)
def test_a_rule_test_that_is_named_exists(number: str, file: str, name: str) -> None:
    assert name in [test["name"] for test in yaml.safe_load((ROOT / file).read_text())["tests"]], number
