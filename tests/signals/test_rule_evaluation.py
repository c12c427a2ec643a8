"""Evaluating the rules costs little: every group takes less than a tenth of its interval.

Two halves: on a running stack over all its series, which have a short history, and over a month of history, which a
running stack would take a month to gather. What a group costs is its shortest evaluation: whatever else the machine
does only adds to it, and one that ran beside four other tests says more of those than of the rules.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from alert_rules import RULE_FILES
from launcher.environment import ROOT

from harness.durations import milliseconds
from harness.eventually import NotYet, Probe, eventually
from harness.expectations import is_not_empty
from harness.one_container import made_like

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker.models.containers import Container

    from harness.clients.prometheus import Prometheus
    from harness.eventually import Expectation
    from harness.stack import Stack

SHARE = 0.1
_SCRAPE = 15  # seconds between two samples of a recorded series
_MONTH = 30 * 24 * 3600 // _SCRAPE
_READ_OVER_A_MONTH = ("slo:sli_events:rate5m", "slo:sli_errors:rate5m")
_NEVER = "0001-01-01T00:00:00Z"


@pytest.mark.smoke
def test_every_group_is_evaluated_within_a_tenth_of_its_interval(
    prometheus: Prometheus, stack: Stack
) -> None:
    """In compressed time the interval is divided and the work is not, so the uncompressed interval is the measure.

    The work is that of every series there is, over what minutes have gathered; the month is the next test's.
    """
    shortest = "min_over_time(prometheus_rule_group_last_duration_seconds[5m])"
    share = f"{shortest} / ({stack.factor} * prometheus_rule_group_interval_seconds)"
    answer = prometheus.samples(share)
    shares = Probe(answer.what, answer.where, lambda: answer.now().by("rule_group"))

    eventually(shares, is_not_empty, all_below(SHARE), within=60)


@pytest.mark.smoke
def test_no_rule_fails(prometheus: Prometheus) -> None:
    """Every rule of the running Prometheus is well: none failed at its last evaluation."""
    unwell = [
        (rule["name"], rule["lastError"])
        for group in prometheus.rules().now()
        for rule in group["rules"]
        if rule["health"] == "err"
    ]

    assert unwell == []


def test_a_month_of_history_costs_no_group_a_tenth_of_its_interval(tmp_path: Path) -> None:
    """The committed rules at their own windows, over 30 days of what they read over 30 days."""
    (tmp_path / "history.om").write_text(history(until=time.time()))
    # only the interval differs, so that nobody waits for it; what an evaluation costs does not depend on it
    settings = {
        "global": {"evaluation_interval": "1s"},
        "rule_files": [f"/etc/{path.relative_to(ROOT)}" for path in RULE_FILES],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(settings))

    allowed = intervals()
    shortest: dict[str, float] = {}

    def shares() -> dict[str, float]:
        """How much of its interval each group took at the shortest of the evaluations seen so far."""
        for name, took in evaluated(container).items():
            shortest[name] = min(took, shortest.get(name, took))
        return {name: took / allowed[name] for name, took in shortest.items()}

    with prometheus_over(tmp_path) as container:
        of_group = eventually(
            Probe("shares of the interval", container.name, shares), all_below(SHARE), within=180
        )
        read = ask(container, f"query?query=count_over_time({_READ_OVER_A_MONTH[0]}[30d])")["result"]

    counts = [float(series["value"][1]) for series in read]
    assert len(counts) == len(promises())
    assert min(counts) > 0.99 * _MONTH, "the history was not there"
    assert of_group.keys() == allowed.keys()


def all_below(limit: float) -> Expectation[dict[str, float]]:
    """Expect that no group took more than its share."""

    def expect(shares: dict[str, float]) -> None:
        above = {name: round(share, 3) for name, share in shares.items() if share >= limit}
        assert not above, f"{above} is not below {limit}"

    return expect


def promises() -> list[str]:
    """The names of the SLOs."""
    return sorted(path.stem for path in (ROOT / "prometheus" / "slos").glob("*.yml"))


def history(*, until: float) -> str:
    """A month of the series that the rules read over a month, as OpenMetrics has it."""
    newest = int(until) // _SCRAPE * _SCRAPE
    lines = []
    for metric in _READ_OVER_A_MONTH:
        lines.append(f"# TYPE {metric} gauge")
        for slo in promises():
            lines += [
                f'{metric}{{slo="{slo}"}} {(2 + n % 97) / 10} {newest - n * _SCRAPE}'
                for n in range(_MONTH, -1, -1)
            ]
    return "\n".join([*lines, "# EOF", ""])


def intervals() -> dict[str, float]:
    """Seconds between two evaluations of each committed group."""
    usual = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())["global"]
    return {
        group["name"]: milliseconds(group.get("interval", usual["evaluation_interval"])) / 1000
        for path in RULE_FILES
        for group in yaml.safe_load(path.read_text())["groups"]
    }


@contextmanager
def prometheus_over(folder: Path) -> Iterator[Container]:
    """The Prometheus that runs, alone, with the history and the settings of a folder."""
    script = (
        "promtool tsdb create-blocks-from openmetrics --quiet --max-block-duration=3d /test/history.om /test/data && "
        "exec prometheus --config.file=/test/prometheus.yml --storage.tsdb.path=/test/data "
        "--storage.tsdb.retention.time=35d --log.level=warn"
    )
    with made_like(
        "prometheus",
        command=["-c", script],
        entrypoint="sh",
        network_mode="none",
        user=f"{os.getuid()}:{os.getgid()}",  # pytest's folders are private
        volumes={
            str(folder): {"bind": "/test", "mode": "rw"},
            str(ROOT / "prometheus"): {"bind": "/etc/prometheus", "mode": "ro"},
        },
    ) as container:
        container.start()
        try:
            yield container
        finally:
            (folder / "history.om").unlink()  # 65 MB, and pytest keeps its folders


def ask(container: Container, path: str) -> Any:  # noqa: ANN401 - JSON
    """What its API answers; it has no network, so it is asked from inside."""
    container.reload()
    if container.status != "running":
        raise RuntimeError(container.logs().decode())
    code, output = container.exec_run(["wget", "-q", "-O", "-", f"http://127.0.0.1:9090/api/v1/{path}"])
    if code:
        raise NotYet("it does not answer")
    return json.loads(output)["data"]


def evaluated(container: Container) -> dict[str, float]:
    """How long each group took, once all were evaluated."""
    groups = ask(container, "rules")["groups"]
    waiting = [group["name"] for group in groups if group["lastEvaluation"] == _NEVER]
    if waiting or not groups:
        raise NotYet(f"not evaluated: {waiting}")
    return {group["name"]: float(group["evaluationTime"]) for group in groups}
