"""Every metric, label and label value that a rule or a runbook names is declared by what emits it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from alert_rules import RULES
from declared import FOREIGN, code_of, named_in, undeclared
from launcher.environment import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))


def _name(rule: Mapping[str, Any]) -> str:
    return str(rule.get("alert") or rule["record"])


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_a_rule_names_only_what_is_declared(rule: Mapping[str, Any]) -> None:
    assert named_in(str(rule["expr"])).metrics or rule["expr"].startswith("vector(")
    assert undeclared(str(rule["expr"])) == []


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_asks_only_for_what_is_declared(runbook: Path) -> None:
    queries = code_of(runbook, "promql")

    assert queries, "a diagnosis without a query"
    assert [complaint for query in queries for complaint in undeclared(query)] == []


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("sum(api_request_total)", "no metric api_request_total"),
        ('api_requests_total{code="500"}', "api_requests_total has no label code"),
        ('automation_executions_total{status="fail"}', "status of automation_executions_total is never fail"),
        ('up{job=~"stratum-api|stratum-wroker"}', "job of up is never stratum-api|stratum-wroker"),
        (
            'api_request_duration_seconds_bucket{le="1"}',
            "le of api_request_duration_seconds_bucket is never 1",
        ),
        ('rate(pg_up{role="primry"}[5m]) or x', "no metric x"),
        (
            'api_requests_total{endpoint="/api/v1/campaign"}',
            "endpoint of api_requests_total is never /api/v1/campaign",
        ),
        (
            'api_requests_total{endpoint!~"/healthz|/metrics"}',
            "endpoint of api_requests_total is never /healthz|/metrics",
        ),
        (
            'pg_stat_database_deadlocks{datname!="statum"}',
            "datname of pg_stat_database_deadlocks is never statum",
        ),
    ],
)
def test_a_name_that_nobody_declares_is_found(expression: str, says: str) -> None:
    assert says in undeclared(expression)


def test_every_foreign_metric_is_read_by_somebody() -> None:
    read = {metric for rule in RULES for metric in named_in(str(rule["expr"])).metrics}
    for runbook in RUNBOOKS:
        for query in code_of(runbook, "promql"):
            read |= named_in(query).metrics
        read |= {name for name in FOREIGN if f"`{name}`" in runbook.read_text()}

    assert set(FOREIGN) - read == set()
