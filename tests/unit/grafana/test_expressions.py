"""Every expression of every dashboard parses, and names only metrics and variables that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import promql_parser
import pytest
import yaml
from grafana.src.boards import BOARDS, text

from sample_app.telemetry import names

ROOT = Path(__file__).parents[3]
# What Grafana fills in by itself, with a value it could have.
BUILT_IN = {"__rate_interval": "5m", "__range": "24h", "__interval": "1m"}
# Metrics that Prometheus makes.
OF_PROMETHEUS = {"up", "ALERTS"}


def _board(name: str) -> dict:
    return json.loads(text(name))


def _expressions() -> list:
    found = []
    for name in BOARDS:
        board = _board(name)
        for panel in board["panels"]:
            for target in panel["targets"]:
                label = f"{name}: {panel['title']}, {target['refId']}"
                found.append(pytest.param(name, target["expr"], id=label))
        found.extend(
            pytest.param(name, annotation["expr"], id=f"{name}: {annotation['name']}")
            for annotation in board["annotations"]["list"]
        )
    return found


def _declared() -> set[str]:
    declared = set(OF_PROMETHEUS)
    for metric in names.METRICS:
        declared.add(metric.name)
        if metric.kind == "histogram":
            declared |= {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
    for file in (ROOT / "prometheus" / "rules").rglob("*.rules.yml"):
        groups = yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
        declared |= {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}
    return declared


def _filled_in(expression: str) -> str:
    """The expression as Prometheus gets it; a variable that is not built in is a label's value: anything."""
    return re.sub(
        r"\$\{?([a-z_]\w*)(?::\w+)?\}?", lambda variable: BUILT_IN.get(variable[1], ".*"), expression
    )


def _metrics(node: object) -> set[str]:
    """Every metric that a parsed expression selects."""
    if isinstance(node, promql_parser.VectorSelector):
        return {node.name}
    parts = [getattr(node, key, None) for key in ("lhs", "rhs", "expr", "param", "vector_selector")] + list(
        getattr(node, "args", None) or []
    )
    return set().union(*(_metrics(part) for part in parts if part is not None))


@pytest.mark.parametrize(("board", "expression"), _expressions())
def test_an_expression_parses_and_selects_declared_metrics(board: str, expression: str) -> None:
    selected = _metrics(promql_parser.parse(_filled_in(expression)))

    assert selected, f"{board}: an expression that selects nothing"
    assert selected - _declared() == set(), "not in telemetry/names.py, not recorded by a rule"


@pytest.mark.parametrize("name", BOARDS)
def test_a_variable_that_is_used_exists_and_one_that_exists_is_used(name: str) -> None:
    board = _board(name)
    existing = {variable["name"] for variable in board["templating"]["list"]}
    # `$1` and `${1}` are groups of a regular expression; `__from`, `__value` and their like are Grafana's own
    used = set(re.findall(r"\$\{?([a-z]\w*)", text(name)))

    assert used == existing


def test_a_metric_nobody_declares_would_be_found() -> None:
    expression = _filled_in('sum(rate(api_request_total{endpoint=~"$endpoint"}[$__rate_interval])) / sum(up)')

    assert _metrics(promql_parser.parse(expression)) - _declared() == {"api_request_total"}


def test_a_selector_inside_calls_aggregations_and_subqueries_is_found() -> None:
    expression = "max_over_time(a[5m:1m]) + topk(3, -(b offset 1d)) or histogram_quantile(0.9, rate(c[1m]))"

    assert _metrics(promql_parser.parse(expression)) == {"a", "b", "c"}
