"""Sloth, asked for the same promises, alerts at the same burn rates over the same windows.

How a long window's ratio is made differs on purpose (ADR-0011); when somebody is told does not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from launcher.processes import run
from prometheus.src import burn_rates, slos
from prometheus.src.__main__ import FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

Pairs = dict[tuple[str, str], float]

PROMISES = slos.load(FOLDER / "slos")
OURS = burn_rates.rules(PROMISES)  # tests/unit/prometheus/test_slos.py: the committed file is this
_COMPARISON = re.compile(r"slo:sli_error:ratio_rate(\w+)\{[^}]*\}\s*> \(?([\d.]+) \* ([\d.]+)\)?")


def specification(promises: list[slos.SLO]) -> Mapping[str, Any]:
    """The promises as Sloth reads them; its percentages are of a hundred."""
    return {
        "version": "prometheus/v1",
        "service": "stratum",
        "slos": [
            {
                "name": promise.slo,
                "objective": promise.objective * 100,
                "sli": {
                    "events": {
                        "error_query": promise.errors.replace("[5m]", "[{{.window}}]"),
                        "total_query": promise.events.replace("[5m]", "[{{.window}}]"),
                    }
                },
                "alerting": {
                    "name": "Burn",
                    "page_alert": {"labels": {"severity": "critical", "slo": promise.slo}},
                    "ticket_alert": {"labels": {"severity": "warning", "slo": promise.slo}},
                },
            }
            for promise in promises
        ],
    }


@pytest.fixture(scope="session")
def sloths(checkers: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The rules that Sloth makes of our promises."""
    path = tmp_path_factory.mktemp("sloth") / "slos.yml"
    path.write_text(yaml.safe_dump(specification(PROMISES)))
    container = ["docker", "run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL"]
    command = [f"--volume={path}:/slos.yml:ro", "--entrypoint=sloth", checkers["sloth"]["image"]]
    return run(
        [*container, *command, "generate", "--input=/slos.yml"],
        what="sloth generate",
        remedy="`make images` has it",
    )


def told(rules: str) -> dict[tuple[str, str], Pairs]:
    """Who is told when: for each promise and severity, the pairs of windows and the share of bad events."""
    found: dict[tuple[str, str], Pairs] = {}
    for document in yaml.safe_load_all(rules):
        for rule in (rule for group in document["groups"] for rule in group["rules"] if "alert" in rule):
            pairs = {}
            for branch in re.split(r"\)\s*or\s*\(", rule["expr"]):
                (short, rate, budget), (long, *same) = _COMPARISON.findall(branch)
                assert same == [rate, budget], "both windows of a pair compare with one share"
                pairs[short, long] = float(rate) * float(budget)
            found[rule["labels"]["slo"], rule["labels"]["severity"]] = pairs
    return found


def test_sloth_tells_the_same_people_at_the_same_share_over_the_same_windows(sloths: str) -> None:
    ours, theirs = told(OURS), told(sloths)

    assert len(ours) == 2 * len(PROMISES)
    assert disagreements(ours, theirs) == []


def test_sloth_records_every_window_that_we_record(sloths: str) -> None:
    def windows(rules: str) -> set[str]:
        return set(re.findall(r"record: slo:sli_error:ratio_rate(\w+)", rules))

    assert windows(OURS) == windows(sloths)


def disagreements(ours: dict[tuple[str, str], Pairs], theirs: dict[tuple[str, str], Pairs]) -> list[str]:
    """Say which alerts differ in windows, or in a share by more than rounding."""
    return [
        f"{alert}: {ours.get(alert)} here, {theirs.get(alert)} at Sloth's"
        for alert in sorted({*ours, *theirs})
        if ours.get(alert) != pytest.approx(theirs.get(alert), rel=1e-6)
    ]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("> 14.4 * 0.001", "> 7.2 * 0.001"),
        ("> 6 * 0.005", "> 6 * 0.05"),
        ("slo:sli_error:ratio_rate30m{", "slo:sli_error:ratio_rate5m{"),
        ("severity: critical", "severity: warning"),
    ],
    ids=["rate", "budget", "window", "severity"],
)
def test_a_difference_would_be_noticed(sloths: str, right: str, wrong: str) -> None:
    assert right in OURS

    assert disagreements(told(OURS.replace(right, wrong)), told(sloths))
