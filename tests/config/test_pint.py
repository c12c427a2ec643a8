"""pint finds nothing in the rules: no label that an aggregation took away, no comparison that can never be true."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from alert_rules import ALERTS, RULE_FILES
from launcher.environment import ROOT
from launcher.problem import Problem
from launcher.processes import run

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION = (ROOT / "prometheus" / "pint.hcl").read_text()


def pint(checkers: dict[str, dict[str, Any]], folder: Path) -> str:
    """Let pint read the rules of a prometheus/ folder; it asks no Prometheus, and every finding counts."""
    container = ["docker", "run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL"]
    mount = [f"--volume={folder}:/etc/prometheus:ro", "--workdir=/etc/prometheus"]
    options = [
        "--no-color",
        "--offline",
        "--config=pint.hcl",
        "lint",
        "--min-severity=info",
        "--fail-on=info",
    ]
    return run(
        [*container, *mount, "--entrypoint=pint", checkers["pint"]["image"], *options, "rules"],
        what="pint",
        remedy="`make images` has it",
    )


def test_pint_finds_nothing_in_the_rules(checkers: dict[str, dict[str, Any]]) -> None:
    pint(checkers, ROOT / "prometheus")


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        (
            '0 * absent(up{job="stratum-api"})',
            '0 * absent(up{job="stratum-api"}) or (sum(up) == 0 and on (job) up == 1)',
            "promql/impossible",
        ),
        (
            "job:api_errors:ratio_rate5m > 0.05",
            "topk(1, job:api_errors:ratio_rate5m > 0.05)",
            "promql/fragile",
        ),
        (
            'endpoint!~"/internal/.*|/health.*|/metrics"',
            'endpoint!~"^/metrics$"',
            "promql/regexp",
        ),
        (
            "targets of {{ $labels.job }} answer",
            "targets of {{ $labels.tenant_id }} answer",
            "the query results won't have",
        ),
        ("expr: vector(1)", "expr: up", "alerts/comparison"),
    ],
    ids=["a dead branch", "a sample", "an anchor", "a label that is gone", "no condition"],
)
def test_a_mistake_is_found(
    checkers: dict[str, dict[str, Any]], tmp_path: Path, right: str, wrong: str, says: str
) -> None:
    folder = tmp_path / "prometheus"
    shutil.copytree(ROOT / "prometheus", folder)
    [rules] = [path for path in (folder / "rules").glob("*.yml") if right in path.read_text()]
    # an exception is for one alert by name, so whatever else has the same flaw is found
    rules.write_text(rules.read_text().replace(right, wrong).replace("alert: Watchdog", "alert: Other"))

    with pytest.raises(Problem, match=re.escape(says)):
        pint(checkers, folder)


def test_an_exception_is_for_a_rule_that_exists() -> None:
    names = re.findall(r'name = "(.+)"', CONFIGURATION)
    paths = re.findall(r'path = "(.+)"', CONFIGURATION)

    assert names
    assert set(names) <= set(ALERTS)
    assert set(paths) <= {str(path.relative_to(ROOT / "prometheus")) for path in RULE_FILES}
