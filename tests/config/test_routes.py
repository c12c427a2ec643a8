"""Who hears of which alert: alertmanager/tests/routes.yml, asked of the amtool that comes with the Alertmanager that runs."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
import yaml
from launcher.environment import ROOT
from launcher.processes import run

from harness import rendering

if TYPE_CHECKING:
    from collections.abc import Mapping

Labels = dict[str, str]

ROUTES = yaml.safe_load((ROOT / "alertmanager" / "tests" / "routes.yml").read_text())
ROWS: list[tuple[Labels, list[str]]] = [
    (labels, route["receivers"]) for route in ROUTES for labels in route["alerts"]
]
RULES = [rule for _, rule in rendering.committed_rules(ROOT) if "alert" in rule]


def words(labels: Mapping[str, str]) -> list[str]:
    """Labels as amtool takes them."""
    return [f"{name}={value}" for name, value in labels.items()]


@pytest.fixture(scope="session")
def answers(images: dict[str, str]) -> list[list[str]]:
    """What amtool answers to each row; one container asks for all, since a start costs more than a question."""
    ask = "amtool config routes test --config.file=/etc/alertmanager/alertmanager.yml"
    script = "\n".join(f"{ask} {shlex.join(words(labels))} || exit 1" for labels, _ in ROWS)
    volume = f"--volume={ROOT / 'alertmanager'}:/etc/alertmanager:ro"
    command = ["docker", "run", "--rm", "--network=none", volume, "--entrypoint=sh", images["alertmanager"]]
    printed = run([*command, "-c", script], what="amtool config routes test", within=60)
    return [line.split(",") for line in printed.splitlines()]


@pytest.mark.parametrize("row", range(len(ROWS)), ids=[" ".join(words(labels)) for labels, _ in ROWS])
def test_labels_lead_to_their_receivers(answers: list[list[str]], row: int) -> None:
    assert answers[row] == ROWS[row][1]


def test_every_row_was_answered(answers: list[list[str]]) -> None:
    assert len(answers) == len(ROWS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_has_a_row_with_the_labels_of_its_rule(rule: Mapping[str, Labels]) -> None:
    fixed = {"alertname": rule["alert"]} | {
        name: value for name, value in rule["labels"].items() if "{{" not in value
    }

    assert [labels for labels, _ in ROWS if fixed.items() <= labels.items()], (
        f"alertmanager/tests/routes.yml has no row for {fixed}"
    )
