"""Rules, their tests and runbooks agree; promtool, at the version that runs, does the checking."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from alert_rules import (
    ALERTING,
    ALERTS,
    ALWAYS_FIRING,
    RULE_FILES,
    TEST_FILES,
    TESTS,
    RuleTest,
    name_of,
    rule_tests,
)
from launcher.environment import ROOT
from launcher.problem import Problem
from launcher.processes import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SEVERITIES = {"critical", "warning", "info", "none"}
ANNOTATIONS = {"summary", "description", "runbook_url", "dashboard_url"}


def promtool(image: str, folder: Path, *arguments: str) -> str:
    """Run promtool of the image that runs, over a prometheus/ folder."""
    volume = f"--volume={folder}:/etc/prometheus:ro"
    command = ["docker", "run", "--rm", "--network=none", volume, "--workdir=/etc/prometheus/tests"]
    return run([*command, "--entrypoint=promtool", image, *arguments], what="promtool")


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.name)
def test_every_rule_test_passes(images: dict[str, str], path: Path) -> None:
    promtool(images["prometheus"], ROOT / "prometheus", "test", "rules", path.name)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("for: 1m", "for: 10m"),
        ("severity: critical", "severity: warning"),
        ("0 * absent(up{", "0 * absent(down{"),
        ('sum by (job) (up{job="stratum-api"}) == 0', 'up{job="stratum-api"} == 0'),
    ],
    ids=["for", "label", "absence", "aggregation"],
)
def test_a_changed_rule_fails_its_test(
    images: dict[str, str], tmp_path: Path, right: str, wrong: str
) -> None:
    folder = tmp_path / "prometheus"
    shutil.copytree(ROOT / "prometheus", folder)
    rules = folder / "rules" / "api.rules.yml"
    assert right in rules.read_text()
    rules.write_text(rules.read_text().replace(right, wrong))

    with pytest.raises(Problem):
        promtool(images["prometheus"], folder, "test", "rules", "api.test.yml")


@pytest.mark.parametrize("rule", ALERTING, ids=name_of)
def test_an_alert_says_who_what_and_where(rule: Mapping[str, Any]) -> None:
    annotations = rule["annotations"]

    assert rule["labels"]["severity"] in SEVERITIES
    assert rule["labels"]["team"]
    assert set(annotations) == ANNOTATIONS
    assert annotations["runbook_url"] == "{{ $externalLabels.links }}/runbooks/" + rule["alert"]
    assert annotations["dashboard_url"] == "{{ $externalLabels.links }}/alerts/" + rule["alert"]


@pytest.mark.parametrize("rule", ALERTING, ids=name_of)
def test_a_description_has_the_value_in_a_form_for_people(rule: Mapping[str, Any]) -> None:
    always_on = rule["alert"] == ALWAYS_FIRING  # vector(1) has nothing to say
    values = re.findall(
        r"{{\s*\$value\s*\|\s*(humanize\w*|printf \"%\.\df\")\s*}}", rule["annotations"]["description"]
    )

    assert always_on or values
    assert "{{ $value }}" not in rule["annotations"]["description"]


@pytest.mark.parametrize("rule", ALERTING, ids=name_of)
def test_an_alert_has_a_test_that_fires_and_one_that_stays_quiet(rule: Mapping[str, Any]) -> None:
    assert not untested(rule, TESTS)


def untested(rule: Mapping[str, Any], tests: list[RuleTest]) -> list[str]:
    """Say what no test shows of an alert.

    Quiet while it is pending, exact labels and annotations once it fires, and a quiet twin.
    """
    of = [test for test in tests if test.alert == rule["alert"] and test.steps]
    firing = [test for test in of if test.fires and any(_is_of(rule, alert) for alert in test.expected)]
    missing = []
    if not firing:
        missing.append("no test in which it fires")
    for test in firing:
        if any(set(alert.get("exp_annotations", {})) != ANNOTATIONS for alert in test.expected):
            missing.append(f"{test.name}: without its annotations")
        if "for" in rule and test.steps[0][1]:
            missing.append(f"{test.name}: not seen quiet while it is pending")
    quiet = [test for test in of if test.stays_quiet]
    if not quiet and rule["alert"] != ALWAYS_FIRING:
        missing.append("no test in which it stays quiet")
    return missing + [f"{test.name}: it is not quiet" for test in quiet if test.expected]


def _is_of(rule: Mapping[str, Any], alert: Mapping[str, Any]) -> bool:
    return rule["labels"].items() <= alert["exp_labels"].items()


def test_a_missing_test_would_be_noticed(tmp_path: Path) -> None:
    rule = next(rule for rule in ALERTING if rule["alert"] == "DatabaseDown")
    text = (ROOT / "prometheus" / "tests" / "postgres.test.yml").read_text()
    changed = tmp_path / "postgres.test.yml"

    def complaints(right: str, wrong: str) -> list[str]:
        assert right in text
        changed.write_text(text.replace(right, wrong))
        return untested(rule, rule_tests(changed))

    assert not complaints("DatabaseDown", "DatabaseDown")
    assert complaints("DatabaseDown pages when", "DatabaseDown sometimes when")
    assert complaints("DatabaseDown stays quiet when", "DatabaseDown is quiet when")
    assert complaints("dashboard_url:", "board_url:")
    pending = "      - {eval_time: 1m15s, alertname: DatabaseDown, exp_alerts: []} # still inside for: 30s\n"
    assert complaints(pending, "")


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_runbook_with_the_four_headings(alert: str) -> None:
    runbook = (ROOT / "docs" / "runbooks" / f"{alert}.md").read_text()

    assert re.findall(r"^## (\w+)", runbook, re.MULTILINE) == ["Meaning", "Impact", "Diagnosis", "Mitigation"]


@pytest.mark.parametrize("rule", ALERTING, ids=name_of)
def test_a_runbook_names_the_severity_of_its_alert(rule: Mapping[str, Any]) -> None:
    runbook = (ROOT / "docs" / "runbooks" / f"{rule['alert']}.md").read_text()

    assert f"\nSeverity: {rule['labels']['severity']}.\n" in runbook


def test_every_runbook_has_an_alert() -> None:
    assert {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")} == set(ALERTS)


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_every_recording_rule_names_its_readers(path: Path) -> None:
    assert not [
        record
        for comment, record in re.findall(
            r"((?:^ *#.*\n)*)^ *- record: (\S+)$", path.read_text(), re.MULTILINE
        )
        if "# Readers: " not in comment
    ]


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_a_rule_file_names_its_runbooks_and_its_tests(path: Path) -> None:
    header = path.read_text().split("groups:")[0]
    named = re.findall(r"prometheus/tests/(\S+\.test\.yml)", header)

    assert "docs/runbooks/" in header
    assert named
    assert {path.name for path in TEST_FILES} >= set(named)
