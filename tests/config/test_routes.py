"""Who hears of which alert: alertmanager/tests/routes.yml, asked of the amtool that comes with the Alertmanager that runs.

The labels of that table are no guess: they are those with which the rule tests see the alert fire.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
import yaml
from alert_rules import ALERTING, TESTS
from declared import VALUES
from launcher.environment import ROOT
from launcher.processes import run

if TYPE_CHECKING:
    from collections.abc import Mapping

Labels = dict[str, str]

ROUTES = yaml.safe_load((ROOT / "alertmanager" / "tests" / "routes.yml").read_text())
ROWS: list[tuple[Labels, list[str]]] = [
    (labels, route["receivers"]) for route in ROUTES for labels in route["alerts"]
]
SENT = [labels for route in ROUTES if not route.get("no_rule_sends") for labels in route["alerts"]]
NOT_SENT = [labels for route in ROUTES if route.get("no_rule_sends") for labels in route["alerts"]]


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


@pytest.mark.parametrize("rule", ALERTING, ids=lambda rule: rule["alert"])
def test_an_alert_has_a_row_with_the_labels_of_its_rule(rule: Mapping[str, Labels]) -> None:
    fixed = fixed_labels(rule)

    assert [labels for labels in SENT if fixed.items() <= labels.items()], (
        f"alertmanager/tests/routes.yml has no row for {fixed}"
    )


@pytest.mark.parametrize("labels", SENT, ids=lambda labels: " ".join(words(labels)))
def test_a_row_has_the_labels_with_which_its_alert_fires(labels: Labels) -> None:
    assert not unlike_any_alert(labels)


@pytest.mark.parametrize("labels", NOT_SENT, ids=lambda labels: " ".join(words(labels)))
def test_what_no_rule_sends_is_not_sent(labels: Labels) -> None:
    assert unlike_any_alert(labels)


def fixed_labels(rule: Mapping[str, Labels]) -> Labels:
    """The labels that a rule gives its alert whatever its expression finds."""
    return {"alertname": str(rule["alert"])} | {
        name: value for name, value in rule["labels"].items() if "{{" not in value
    }


def unlike_any_alert(labels: Labels) -> list[str]:
    """Say why no rule could send these labels, by what the rule tests see; the values of free labels may differ."""
    rules = [rule for rule in ALERTING if rule["alert"] == labels["alertname"]]
    if not rules:
        return [f"no rule is called {labels['alertname']}"]
    if not any(fixed_labels(rule).items() <= labels.items() for rule in rules):
        return [f"its rule says {' or '.join(str(fixed_labels(rule)) for rule in rules)}"]
    seen = {
        frozenset({"alertname", *alert["exp_labels"]})
        for test in TESTS
        if test.alert == labels["alertname"]
        for alert in test.expected
    }
    complaints = [
        f"{name} is never {value}" for name, value in labels.items() if value not in VALUES.get(name, {value})
    ]
    if frozenset(labels) not in seen:
        complaints.append(
            f"its rule tests see {' or '.join(str(sorted(names)) for names in sorted(seen, key=sorted))}"
        )
    return complaints


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"alertname": "RedisDwon"}, "no rule is called RedisDwon"),
        ({"severity": "warning"}, "its rule says {'alertname': 'RedisDown', 'severity': 'critical'"),
        ({"pod": "redis-0"}, "its rule tests see ['alertname', 'instance', 'job', 'role'"),
        ({"role": "chache"}, "role is never chache"),
    ],
    ids=["name", "severity", "label", "value"],
)
def test_a_row_that_no_rule_could_send_would_be_noticed(change: Labels, says: str) -> None:
    row = next(labels for labels in SENT if labels["alertname"] == "RedisDown")

    [complaint] = unlike_any_alert(row | change)

    assert says in complaint
