"""The committed rules and their tests, read once for every check about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from launcher.environment import ROOT

from harness import rendering

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Rule = dict[str, Any]

RULE_FILES = rendering.rule_files(ROOT)
TEST_FILES = sorted((ROOT / "prometheus" / "tests").glob("*.test.yml"))
RULES: list[Mapping[str, Any]] = [rule for _, rule in rendering.committed_rules(ROOT)]
ALERTING = [rule for rule in RULES if "alert" in rule]
ALERTS = sorted({rule["alert"] for rule in ALERTING})
ALWAYS_FIRING = "Watchdog"
"""It may never be quiet: that is its purpose."""

_FIRES = ("pages when", "fires when", "notifies when")
_QUIET = "stays quiet when"


def name_of(rule: Mapping[str, Any]) -> str:
    """What tells a rule from another of its name: the SLO it is about."""
    labels = rule.get("labels", {})
    return "-".join([rule["alert"], *([labels["slo"]] if "slo" in labels else [])])


@dataclass(frozen=True)
class RuleTest:
    """One named test of a rule test file, as far as it is about one alert."""

    name: str
    alert: str
    steps: tuple[tuple[str, tuple[Rule, ...]], ...]
    """When it looks, and which alerts it expects then."""

    @property
    def fires(self) -> bool:
        """Whether it says of itself that the alert fires."""
        return self.name.startswith(tuple(f"{self.alert} {how}" for how in _FIRES))

    @property
    def stays_quiet(self) -> bool:
        """Whether it says of itself that nothing happens."""
        return self.name.startswith(f"{self.alert} {_QUIET}")

    @property
    def expected(self) -> list[Rule]:
        """Every alert that it expects at some time."""
        return [alert for _, alerts in self.steps for alert in alerts]


def rule_tests(*paths: Path) -> list[RuleTest]:
    """Read the tests that are named after an alert."""
    found = []
    for path in paths or TEST_FILES:
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            alert = test.get("name", "").split(" ")[0]
            steps = tuple(
                (step["eval_time"], tuple(step.get("exp_alerts") or ()))
                for step in test.get("alert_rule_test", ())
                if step["alertname"] == alert
            )
            found.append(RuleTest(test.get("name", ""), alert, steps))
    return found


TESTS = rule_tests()
