"""Each item of the client's document that concerns the application names a test, and that test exists."""

from __future__ import annotations

import re

import pytest
import yaml
from launcher.environment import ROOT
from named_tests import missing

SEED = (ROOT / "docs" / "reference" / "seed.md").read_text()
ROWS = re.findall(r"^\| (?!item \||---)(.+?) \| (.+?) \| (.+) \|$", SEED, re.MULTILINE)
RULE_TESTS = re.compile(r"`(prometheus/tests/[\w.-]+)`: \"([^\"]+)\"")
# How many items each part of the audit has.
PARTS = {"1.2": 8, "1.3": 9, "1.4": 12, "1.7": 15, "1.9": 5, "1.10": 7}


def test_every_part_has_all_its_items() -> None:
    parts = re.split(r"^## ([\d.]+) .*$", SEED, flags=re.MULTILINE)[1:]
    found = {
        number: len(re.findall(r"^\| (?!item \||---)", text, re.MULTILINE))
        for number, text in zip(parts[::2], parts[1::2], strict=True)
    }
    assert found == PARTS


@pytest.mark.parametrize(("item", "proofs"), [(item, proofs) for item, _, proofs in ROWS])
def test_an_item_names_tests_that_exist(item: str, proofs: str) -> None:
    named = re.findall(r"`(tests/[^`]+)`", proofs)
    rules = RULE_TESTS.findall(proofs)
    assert named or rules, item
    assert missing(named) == []
    for file, name in rules:
        assert name in [test["name"] for test in yaml.safe_load((ROOT / file).read_text())["tests"]]
