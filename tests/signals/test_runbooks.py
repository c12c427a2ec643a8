"""What a runbook tells somebody to ask at night can be asked: every query and command of every Diagnosis, on a stack."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest
from declared import FOREIGN, code_of, named_in
from launcher.environment import PORTS

from harness.eventually import eventually
from harness.expectations import is_not_empty
from harness.plugin import ROOT

if TYPE_CHECKING:
    from harness.clients.loki import Loki
    from harness.clients.prometheus import Prometheus
    from harness.stack import Stack

PAGES = [*sorted((ROOT / "docs" / "runbooks").glob("*.md")), ROOT / "docs" / "incidents.md"]
ALWAYS_THERE = sorted(name for name, spec in FOREIGN.items() if "not_always" not in spec)


def blocks(language: str) -> list[object]:
    return [
        pytest.param(body, id=f"{path.stem}-{number}")
        for path in PAGES
        for number, body in enumerate(code_of(path, language), start=1)
    ]


def as_of(stack: Stack, command: str) -> str:
    """The command as this stack needs it: its own project, its own ports."""
    for name, usual in PORTS.items():
        command = command.replace(f"127.0.0.1:{usual}/", f"127.0.0.1:{stack.environment.ports[name]}/")
    return command.replace("docker compose ", shlex.join(stack.environment.compose()) + " ")


@pytest.mark.parametrize("query", blocks("promql"))
def test_prometheus_answers_a_query(query: str, prometheus: Prometheus) -> None:
    """It parses, and joins what can be joined; what it names is declared (tests/config/test_declared.py)."""
    assert named_in(query).metrics
    prometheus.samples(query).now()


@pytest.mark.parametrize("query", blocks("logql"))
def test_loki_answers_a_query(query: str, loki: Loki) -> None:
    """It parses; a stack that is well may have nothing to say."""
    loki.lines(query).now()


@pytest.mark.parametrize("command", blocks("sh"))
def test_a_command_succeeds(command: str, stack: Stack) -> None:
    """It ends with 0 on a stack that is well."""
    done = subprocess.run(
        ["bash", "-c", as_of(stack, command)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )

    assert done.returncode == 0, f"{command}\n{done.stderr}"


@pytest.mark.smoke
@pytest.mark.parametrize("metric", ALWAYS_THERE)
def test_a_foreign_metric_exists_with_its_labels(metric: str, prometheus: Prometheus) -> None:
    """What rules and runbooks read of other programs is there under that name, with those labels."""
    found = eventually(prometheus.samples(metric), is_not_empty, within=60)

    assert set(FOREIGN[metric]["labels"]) <= set().union(*(sample.labels.keys() for sample in found.samples))
