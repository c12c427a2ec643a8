"""What `make rules` shows, from rules, receivers and states."""

from __future__ import annotations

import socket
from io import StringIO

import pytest
from prometheus.src import table
from rich.console import Console

RULE = {
    "alert": "TooMuch",
    "expr": "sum(\n  x[5m]\n)\n> 0.8",
    "for": "5m",
    "labels": {"severity": "warning", "slo": "speed"},
}


def test_a_row_says_all_there_is_to_know_of_an_alert() -> None:
    [row] = table.rows([RULE], ["slack-platform"], {"TooMuch (speed)": "firing"})

    assert row == table.Row(
        alert="TooMuch (speed)",
        expression="sum( x[5m] ) > 0.8",
        threshold="> 0.8",
        wait="5m",
        receivers="slack-platform",
        runbook="docs/runbooks/TooMuch.md",
        state="firing",
    )


@pytest.mark.parametrize(
    ("expression", "limit"),
    [
        ("pg_up == 0", "== 0"),
        ("time() - x > 5m", "> 5m"),
        ("a > 14.4 * 0.001 and b > 0.1", "> 14.4 * 0.001, > 0.1"),
        ("a < b", "-"),
        ("vector(1)", "-"),
    ],
)
def test_a_threshold_is_what_an_expression_compares_with(expression: str, limit: str) -> None:
    assert table.threshold(expression) == limit


def test_a_state_is_a_dash_where_no_prometheus_runs() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        states = table.states_of(f"http://127.0.0.1:{taken.getsockname()[1]}")  # bound, and nobody listens

    [row] = table.rows([RULE], ["slack-platform"], states)

    assert row.state == "-"


def test_every_committed_alert_is_shown_with_its_range_in_brackets() -> None:
    rules = table.alerting_rules()
    page = Console(file=StringIO(), width=400, color_system=None)

    page.print(table.render(table.rows(rules, ["nobody"] * len(rules), {})))
    shown = page.file.getvalue()  # type: ignore[attr-defined]  # a StringIO

    assert not [rule["alert"] for rule in rules if rule["alert"] not in shown]
    assert "[15m:15s]" in shown
