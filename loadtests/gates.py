"""What was promised, and whether it was kept: the verdict on a run, from Prometheus.

Locust knows what its users felt; the promise to users is measured where alerts and SLOs measure it, at the server.
Between the scrape before the run and the scrape after it, the counters themselves are compared, so that the figures are
exact: every request sent must be counted, none twice.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from launcher.measurements import Row, write
from rich.console import Console
from rich.table import Table

from harness.eventually import NotYet, Unmet, eventually
from harness.measurements import percentile
from loadtests import settings

if TYPE_CHECKING:
    from locust.env import Environment

    from harness.clients.prometheus import Prometheus
    from loadtests.settings import Settings

EXECUTE = "/api/v1/automations/{automation_id}/execute"
OUTCOME = "/api/v1/automations/{automation_id}/executions/{execution_id}"
ACCEPTED = 202
REPORT = settings.ROOT / "build" / "load.json"

_JOB = "stratum-api"
_OURS = f'job="{_JOB}",endpoint=~"/api/v1/automations/.+"'
_SCRAPE_PATIENCE = 60.0
_LEAST_SHARE = (
    0.8  # of the rate asked for: the ramp, and turns that took their time; less is a machine that cannot
)


@dataclass
class Sent:
    """What the users sent, counted before it leaves."""

    by_route: Counter[str] = field(default_factory=Counter)

    def count(self, route: str) -> None:
        """Count one request."""
        self.by_route[route] += 1


SENT = Sent()


@dataclass(frozen=True)
class Window:
    """The time between two scrapes, one before the run and one after it."""

    prometheus: Prometheus
    start: float
    end: float

    def increase(self, selector: str, *, by: str = "") -> str:
        """Write the exact increase of counters in the window; a series that is new began at zero."""
        grouped = f"sum by ({by}) " if by else "sum "
        ended, began = (f"{selector} @ {moment:.3f}" for moment in (self.end, self.start))
        return f"{grouped}({ended} - ({began} or {ended} * 0))"

    def total(self, selector: str) -> float:
        """Ask for an increase; no series at all is none."""
        return self.prometheus.value(f"({self.increase(selector)}) or vector(0)").now()

    def p95(self) -> float:
        """Ask for the 95th percentile of the latency of our routes."""
        buckets = self.increase(f"api_request_duration_seconds_bucket{{{_OURS}}}", by="le")
        return self.prometheus.value(f"histogram_quantile(0.95, {buckets})").now()


def install(environment: Environment, run: Settings) -> None:
    """Look at the counters before the run, and judge it when locust ends."""
    prometheus = settings.stores().prometheus
    # here, and not when the test starts: the shape's clock would run while we wait for the scrape
    before = scrape_after(prometheus, time.time())

    def judge(**_: object) -> None:
        try:
            rows = measure(
                environment, run, Window(prometheus, before, scrape_after(prometheus, time.time()))
            )
        except (Unmet, NotYet, ValueError) as failure:
            sys.stderr.write(f"the run cannot be judged: {failure}\n")
            environment.process_exit_code = 1
            return
        report(rows, run)
        environment.process_exit_code = 0 if all(row.verdict == "holds" for row in rows) else 1

    environment.events.quitting.add_listener(judge)


def scrape_after(prometheus: Prometheus, moment: float) -> float:
    """Wait for a scrape of every API target after *moment*, and return when it was."""

    def late_enough(scraped_at: float) -> None:
        assert scraped_at > moment, f"last scraped {moment - scraped_at:.1f} s before that"

    probe = prometheus.scraped_at(_JOB)
    # a sample's time is the scrape's start: what was answered before is in it
    return eventually(probe, late_enough, within=_SCRAPE_PATIENCE, every=0.5) + 0.001


def measure(environment: Environment, run: Settings, window: Window) -> list[Row]:
    """Compare what was promised with what Prometheus counted."""
    counted = window.total(f"api_requests_total{{{_OURS}}}")
    failed = window.total(f'api_requests_total{{{_OURS},status_code=~"5.."}}')
    sent = sum(SENT.by_route.values())
    felt = percentile(_felt(environment), 0.95) if sent else None
    return [
        Row(
            what="requests sent",
            measured=sent,
            limit=_LEAST_SHARE * run.rate * run.seconds,
            unit="requests",
            better="higher",
        ),
        Row(
            what="requests sent, not counted, or the reverse",
            measured=abs(sent - counted),
            limit=0,
            unit="requests",
        ),
        Row(
            what="error ratio",
            measured=failed / counted if counted else None,
            limit=run.max_error_ratio,
            unit="ratio",
            reason="no request was counted",
        ),
        Row(
            what="latency p95, at the server",
            measured=window.p95() if counted else None,
            limit=run.max_p95,
            unit="s",
            reason="no request was counted",
        ),
        Row(
            what="latency p95, as users felt it",
            measured=felt,
            limit=run.max_p95,
            unit="s",
            reason="no request was sent",
        ),
    ]


def report(rows: list[Row], run: Settings) -> None:
    """Print the table and write build/load.json."""
    write(REPORT, rows, run_id=run.run_id, rate=run.rate, seconds=run.seconds, sent=dict(SENT.by_route))
    table = Table(title=f"load run {run.run_id}: {run.rate:g} requests/s for {run.seconds:g} s")
    for heading in ("promise", "limit", "measured", "verdict"):
        table.add_column(heading, justify="right" if heading in {"limit", "measured"} else "left")
    for row in rows:
        sign = "<=" if row.better == "lower" else ">="
        measured = "-" if row.measured is None else f"{row.measured:.4g} {row.unit}"
        colour = "green" if row.verdict == "holds" else "red"
        table.add_row(row.what, f"{sign} {row.limit:g} {row.unit}", measured, f"[{colour}]{row.verdict}[/]")
    Console(file=sys.stdout).print(table)
    sys.stdout.write(f"written to {REPORT}\n")


def _felt(environment: Environment) -> list[float]:
    """Every response time that locust kept (rounded as it does), in seconds."""
    times: dict[Any, int] = environment.stats.total.response_times
    return [milliseconds / 1000 for milliseconds, often in times.items() for _ in range(often)]
