"""The rules of the SLOs: current, with the published numbers, and refused where they could not work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import yaml
from prometheus.src import burn_rates, slos
from prometheus.src.__main__ import FOLDER, GENERATED

if TYPE_CHECKING:
    from pathlib import Path

PROMISES = slos.load(FOLDER / "slos")
# Long window, short window, burn rate, severity. Source: "The Site Reliability Workbook" (Beyer et al., 2018), chapter 5,
# table 5-8. tests/config/test_sloth.py asks Sloth.
PUBLISHED = [
    ("1h", "5m", 14.4, "critical"),
    ("6h", "30m", 6.0, "critical"),
    ("1d", "2h", 3.0, "warning"),
    ("3d", "6h", 1.0, "warning"),
]


def test_the_committed_rules_are_current() -> None:
    assert burn_rates.rules(PROMISES) == GENERATED.read_text(), "run `make slos`"


def test_there_is_no_other_generated_file() -> None:
    assert list(GENERATED.parent.iterdir()) == [GENERATED]


def test_windows_and_burn_rates_are_the_published_ones() -> None:
    ours = [
        (burn.long, burn.short, burn.rate, alert.severity)
        for alert in burn_rates.ALERTS
        for burn in alert.burns
    ]

    assert ours == PUBLISHED


@pytest.mark.parametrize("slo", PROMISES, ids=lambda slo: slo.slo)
def test_every_promise_has_its_rules(slo: slos.SLO) -> None:
    groups = yaml.safe_load(burn_rates.rules(PROMISES))["groups"]
    [rules] = [group["rules"] for group in groups if group["name"] == f"slo-{slo.slo}"]

    assert [rule["alert"] for rule in rules if "alert" in rule] == [
        "SLOErrorBudgetBurnFast",
        "SLOErrorBudgetBurnSlow",
    ]
    assert "slo:error_budget_remaining:ratio" in [rule.get("record") for rule in rules]
    assert {rule["labels"]["slo"] for rule in rules} == {slo.slo}


def test_every_pair_of_windows_wants_traffic_above_the_floor() -> None:
    fast, slow = (
        rule["expr"]
        for rule in yaml.safe_load(burn_rates.rules(PROMISES[:1]))["groups"][0]["rules"]
        if "alert" in rule
    )

    for expression, windows in ((fast, ("1h", "6h")), (slow, ("1d", "3d"))):
        for window in windows:
            floor = f'avg_over_time(slo:sli_events:rate5m{{slo="{PROMISES[0].slo}"}}[{window}]) > '
            assert floor + f"{PROMISES[0].floor:g}" in expression


def test_an_alert_that_could_never_fire_is_refused() -> None:
    modest = replace(PROMISES[0], objective=0.9)  # 14.4 times 10% is more than all

    with pytest.raises(burn_rates.UnreachableBurnRateError, match="more than all"):
        burn_rates.rules([modest])


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("objective: 0.999", "objective: 99.9", "not between 0 and 1"),
        ("floor: 0.1", "floor: 0", "a single error in little traffic"),
        ("[5m]", "[1h]", "must look back"),
        ("sum(rate(", "sum(rate((", "no PromQL"),
        ("team: platform", "tam: platform", "missing or unknown"),
        ("slo: api-availability", "slo: availability", "one name"),
    ],
)
def test_a_mistake_in_a_promise_is_refused_by_name(tmp_path: Path, right: str, wrong: str, says: str) -> None:
    text = (FOLDER / "slos" / "api-availability.yml").read_text()
    assert right in text
    changed = tmp_path / "api-availability.yml"
    changed.write_text(text.replace(right, wrong))

    with pytest.raises(slos.WrongSLOError, match=rf"(?s)api-availability.yml.*{says}"):
        slos.read(changed)
