"""Every alert in one table: what it measures, how long it waits, who is told, what it says now (`make rules`).

The receivers are amtool's answer to the committed routes; the states come from the Prometheus of `make up`, where one runs.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
import yaml
from launcher import loopback
from launcher.environment import ROOT, Environment
from launcher.problem import Problem
from launcher.processes import run
from rich.console import Console
from rich.table import Table

_TIMEOUT = 5.0
_NOT_RUNNING = "-"
_COLOURS = {"firing": "bold red", "pending": "yellow", "inactive": "green"}
# the last comparison with a number; an alert without one compares series, or is true of what exists
_THRESHOLD = re.compile(r"([<>]=?|[=!]=)\s*([\d.]+(?:ms|[smhd])?(?:\s*\*\s*[\d.]+)?)(?![\w.])")
# Labels that an expression leaves and a route could ask for; none of ours does, beyond those a rule sets.
_ASK = "amtool config routes test --config.file=/etc/alertmanager/alertmanager.yml"

Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One alerting rule as a person wants to read it."""

    alert: str
    expression: str
    threshold: str
    wait: str
    receivers: str
    runbook: str
    state: str


def alerting_rules() -> list[Rule]:
    """Every committed alerting rule, in the order of the files."""
    paths = sorted((ROOT / "prometheus" / "rules").rglob("*.rules.yml"))
    groups = [group for path in paths for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def threshold(expression: str) -> str:
    """The limits an expression compares with, in its own words."""
    return ", ".join(" ".join(found) for found in _THRESHOLD.findall(expression)) or _NOT_RUNNING


def rows(rules: Sequence[Rule], receivers: Sequence[str], states: Mapping[str, str]) -> list[Row]:
    """Put together what the files, amtool and Prometheus say."""
    return [
        Row(
            alert=key(rule),
            expression=" ".join(str(rule["expr"]).split()),
            threshold=threshold(str(rule["expr"])),
            wait=str(rule.get("for", "0s")),
            receivers=told,
            runbook=f"docs/runbooks/{rule['alert']}.md",
            state=states.get(key(rule), _NOT_RUNNING),
        )
        for rule, told in zip(rules, receivers, strict=True)
    ]


def key(rule: Rule) -> str:
    """An alert's name, and the SLO that tells it from others of its name."""
    name = str(rule.get("alert") or rule["name"])
    slo = rule.get("labels", {}).get("slo")
    return f"{name} ({slo})" if slo else name


def receivers_of(rules: Sequence[Rule], image: str) -> list[str]:
    """Ask amtool, in one container, whom each rule's labels reach."""
    questions = [
        shlex.join(
            f"{name}={value}" for name, value in {"alertname": rule["alert"], **rule["labels"]}.items()
        )
        for rule in rules
    ]
    script = "\n".join(f"{_ASK} {labels} || exit 1" for labels in questions)
    volume = f"--volume={ROOT / 'alertmanager'}:/etc/alertmanager:ro"
    command = ["docker", "run", "--rm", "--network=none", volume, "--entrypoint=sh", image, "-c", script]
    return run(
        command, what="asking amtool for the receivers", remedy="`make images` builds what is missing"
    ).splitlines()


def states_of(address: str) -> dict[str, str]:
    """Ask a running Prometheus for the state of every alert; nothing if none runs."""
    try:
        with loopback.session() as here:
            answer = here.get(f"{address}/api/v1/rules", params={"type": "alert"}, timeout=_TIMEOUT)
    except requests.ConnectionError:
        return {}
    answer.raise_for_status()
    groups = answer.json()["data"]["groups"]
    return {key(rule): str(rule["state"]) for group in groups for rule in group["rules"]}


def render(found: Sequence[Row]) -> Table:
    """Lay the rows out."""
    table = Table(title=f"{len(found)} alerting rules", show_lines=True)
    for heading in ("alert", "state", "threshold", "for", "receivers", "expression", "runbook"):
        table.add_column(heading, overflow="fold")
    for row in found:
        state = f"[{_COLOURS.get(row.state, 'dim')}]{row.state}[/]"
        table.add_row(
            row.alert,
            state,
            row.threshold,
            row.wait,
            row.receivers.replace(",", ", "),
            row.expression.replace("[", r"\["),
            row.runbook,
        )
    return table


def show(environment: Environment | None = None, console: Console | None = None) -> None:
    """Print the table of the committed rules, with what the Prometheus of an environment says of them now."""
    environment = environment or Environment.development()
    rules = alerting_rules()
    try:
        image = _alertmanager_image()
        receivers = receivers_of(rules, image)
    except Problem as problem:
        raise SystemExit(str(problem)) from problem
    states = states_of(environment.address("PROMETHEUS_PORT"))
    (console or Console()).print(render(rows(rules, receivers, states)))


def _alertmanager_image() -> str:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return str(services["alertmanager"]["image"])
