"""After a test that broke something: wait until everybody is at work again, so that the next test finds the stack whole.

Healthchecks alone do not say so. A restarted process is well before DNS and Prometheus have found it, and before it has
found its broker again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.eventually import Probe, eventually
from harness.expectations import all_up, at_least, at_most, is_empty, later_than

if TYPE_CHECKING:
    from harness.clients.prometheus import Prometheus

_PATIENCE = 60.0
_TURN = 'ingester_last_progress_timestamp_seconds{job="stratum-ingester"}'
_OFTEN = 0.1  # a moment at which all targets answer can be short
_TURN_SECONDS = 2.0  # it takes one each second, whatever there is to do

_EVER = "count by (job) (last_over_time(up[1h]))"  # an hour of real time: longer than a run

AGE_OF_TURN = f"max(timestamp({_TURN}) - {_TURN})"
"""Seconds since the ingester's last turn when it was scraped: a late scrape makes no turn look old."""


def settle(prometheus: Prometheus) -> None:
    """Return when every job is scraped and the ingester takes its turns."""
    eventually(prometheus.targets(), all_up, within=_PATIENCE)
    eventually(_jobs_without_target(prometheus), is_empty, within=_PATIENCE)
    eventually(prometheus.value(AGE_OF_TURN), at_most(_TURN_SECONDS), within=_PATIENCE)


def _jobs_without_target(prometheus: Prometheus) -> Probe[tuple[str, ...]]:
    """Ask for jobs that were scraped once and are not now; that of an image that cannot be had never was."""

    def read() -> tuple[str, ...]:
        scraped = {target.job for target in prometheus.targets().now()}
        ever = prometheus.samples(_EVER).now().by("job")
        return tuple(sorted(set(ever) - scraped))

    return Probe("jobs without a target", prometheus.targets().where, read)


def counted_so_far(prometheus: Prometheus, query: str, *, job: str) -> float:
    """Return the value of *query* once each target of *job* was scraped after now.

    A figure "before" that is read at once lacks what an earlier test did since the last scrape, and then one too many
    is counted afterwards.
    """
    eventually(prometheus.scraped_at(job), later_than(time.time()), within=_PATIENCE)
    return eventually(
        prometheus.value(while_all_answer(query, job)), at_least(0), within=_PATIENCE, every=_OFTEN
    )


def while_all_answer(query: str, job: str) -> str:
    """Return a query that has a value only while every target of a job answers.

    A scrape that ran into its timeout leaves its target's series out: a sum taken at that moment is too small.
    """
    return f'({query}) unless on () (up{{job="{job}"}} == 0)'
