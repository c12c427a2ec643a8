"""Rules, their tests and runbooks agree; promtool, at the version that runs, does the checking."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml
from launcher.environment import ROOT
from launcher.problem import Problem
from launcher.processes import run

if TYPE_CHECKING:
    from pathlib import Path

RULES = {
    path: yaml.safe_load(path.read_text())
    for path in sorted((ROOT / "prometheus" / "rules").rglob("*.rules.yml"))
}
TESTS = sorted((ROOT / "prometheus" / "tests").glob("*.test.yml"))
ALERTS = {
    rule["alert"]: rule
    for content in RULES.values()
    for group in content["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
SEVERITIES = {"critical", "warning", "info", "none"}


def promtool(image: str, folder: Path, *arguments: str) -> str:
    """Run promtool of the image that runs, over a prometheus/ folder."""
    volume = f"--volume={folder}:/etc/prometheus:ro"
    command = ["docker", "run", "--rm", "--network=none", volume, "--workdir=/etc/prometheus/tests"]
    return run([*command, "--entrypoint=promtool", image, *arguments], what="promtool")


def test_every_rule_test_passes(images: dict[str, str]) -> None:
    promtool(images["prometheus"], ROOT / "prometheus", "test", "rules", *(path.name for path in TESTS))


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


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_who_what_and_where(alert: str) -> None:
    rule = ALERTS[alert]

    assert rule["labels"]["severity"] in SEVERITIES
    assert rule["labels"]["team"]
    assert {"summary", "description", "runbook_url", "dashboard_url"} <= set(rule["annotations"])
    assert rule["annotations"]["runbook_url"].endswith(f"/runbooks/{alert}")
    assert rule["annotations"]["dashboard_url"].endswith(f"/alerts/{alert}")


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_test_that_fires_and_one_that_stays_quiet(alert: str) -> None:
    names = [test.get("name", "") for path in TESTS for test in yaml.safe_load(path.read_text())["tests"]]
    always_on = alert == "Watchdog"  # it may never be quiet: that is its purpose

    assert [
        name for name in names if name.startswith((f"{alert} pages", f"{alert} fires", f"{alert} notifies"))
    ]
    assert always_on or [name for name in names if name.startswith(f"{alert} stays quiet")]


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_runbook_with_the_four_headings(alert: str) -> None:
    runbook = (ROOT / "docs" / "runbooks" / f"{alert}.md").read_text()

    assert re.findall(r"^## (\w+)", runbook, re.MULTILINE) == ["Meaning", "Impact", "Diagnosis", "Mitigation"]


def test_every_runbook_has_an_alert() -> None:
    assert {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")} == set(ALERTS)


def test_every_recording_rule_names_its_readers() -> None:
    for path in RULES:
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            if "- record:" in line:
                above = lines[number - 1].strip()
                assert above.startswith("#"), (
                    f"{path.name}:{number + 1}: no comment says who reads {line.split()[-1]}"
                )
