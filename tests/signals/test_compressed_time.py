"""In compressed time the stack still keeps up: no scrape is missed, no evaluation, and one core is enough.

Every figure of the other tests rests on that. A stack that cannot keep up would not fail them, it would make them slow
and then lenient.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import docker
import pytest
from launcher import containers
from launcher.measurements import Row

from harness.eventually import Probe, consistently, eventually
from harness.measurements import Measurements
from harness.plugin import ROOT
from harness.stack import all_well
from harness.sweeping import PROJECT

if TYPE_CHECKING:
    from harness.clients.prometheus import Prometheus, Samples
    from harness.stack import Stack

pytestmark = pytest.mark.timeout(420)  # whoever comes first waits twice with patience, and for some windows

PATIENCE = 120.0
# a few windows: who misses a turn now and then has none, a machine that stood still once has
QUIET_WITHIN = 60.0
WINDOW = 15.0  # seconds: sixty scrapes of each target at a factor of 60
WINDOWS = 12
ONE_CORE = 1.0
TURNS = "prometheus_rule_group_iterations_total"
MISSED = "prometheus_rule_group_iterations_missed_total"
LIMITS_HIT = '{__name__=~"prometheus_target_scrape(s|_pool)_exceeded_.*_total"}'
TROUBLE = (
    MISSED,
    "prometheus_rule_evaluation_failures_total",
    "prometheus_target_scrapes_sample_out_of_order_total",
    "prometheus_target_scrapes_sample_duplicate_timestamp_total",
)


@dataclass(frozen=True)
class Quiet:
    """A while in which nobody did anything to the stack."""

    began: float
    ended: float
    cores: float

    @property
    def range(self) -> str:
        """Its length, as a range selector has it."""
        return f"{round((self.ended - self.began) * 1000)}ms"

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.ended - self.began


def cpu_seconds(stack: Stack) -> float:
    """What its containers have used since they were made."""
    client = docker.from_env()
    try:
        running = client.containers.list(filters={"label": f"{PROJECT}={stack.environment.project}"})
        with ThreadPoolExecutor(max_workers=len(running)) as several:
            return sum(several.map(containers.cpu_seconds, running))
    finally:
        client.close()


def least_cores(stack: Stack) -> float:
    """The cores that its containers used in the cheapest of some windows; the first that one core is enough for will do.

    What an earlier test left to do, and neighbours on the machine's processors and caches, make the same work cost more,
    and never less.
    """
    least = math.inf
    for _ in range(WINDOWS):
        used, since = cpu_seconds(stack), time.time()
        consistently(stack.states(), all_well, during=WINDOW, every=5)
        least = min(least, (cpu_seconds(stack) - used) / (time.time() - since))
        if least <= ONE_CORE:
            break
    return least


def absences(length: str, *, due: float) -> str:
    """Ask for each target and each group that missed a turn in a while of this length, in which so many were due."""
    return (
        f"min_over_time(up[{length}]) < 1 or (up unless up offset {length})"
        f" or abs(count_over_time(up[{length}]) - {due:g}) > 1"
        f" or abs({TURNS} - {TURNS} offset {length} - {due:g}) > 2"
        f" or {MISSED} - {MISSED} offset {length} != 0"
    )


@pytest.fixture(scope="module")
def quiet(stack: Stack, prometheus: Prometheus) -> Quiet:
    """Let the stack be until a whole window has passed in which every target and every group had each of its turns.

    The first will do on a machine with nothing else to do. On a busy one a target may not get the processor within a
    compressed timeout, or all stand still while nobody is asked and Prometheus lets turns go; that says nothing about
    the stack, so a later window counts as well. A stack that cannot keep up has no such window: then no test of this
    file passes, and each says who was missing.
    """
    # Docker too must have asked whom an earlier test started again; without start_interval it asks every 30 s
    eventually(stack.states(), all_well, within=PATIENCE)
    cores = least_cores(stack)
    absent = absences(f"{WINDOW:g}s", due=WINDOW / stack.scrape_interval)

    def read() -> tuple[float, Samples]:
        # a scrape that is on its way has no sample yet, and its sample will have the time at which it began
        at = time.time() - stack.scrape_interval
        return at, prometheus.samples(absent, at=at).now()

    def is_empty(seen: tuple[float, Samples]) -> None:
        assert len(seen[1]) == 0, f"not always there: {seen[1]!r}"

    ended, _ = eventually(
        Probe("missing answers and turns", prometheus.link(absent), read), is_empty, within=QUIET_WITHIN
    )
    return Quiet(ended - WINDOW, ended, cores)


def test_no_scrape_is_missed(quiet: Quiet, prometheus: Prometheus, stack: Stack) -> None:
    """Every target was scraped as often as the interval says, within one, and answered each time."""
    scraped = prometheus.samples(f"count_over_time(up[{quiet.range}])", at=quiet.ended).now().by("instance")
    answered = prometheus.samples(f"sum_over_time(up[{quiet.range}])", at=quiet.ended).now().by("instance")

    due = quiet.seconds / stack.scrape_interval
    assert {where: count for where, count in scraped.items() if abs(count - due) > 1} == {}, f"{due:.1f} due"
    assert answered == scraped


def test_no_scrape_is_cut_short(quiet: Quiet, prometheus: Prometheus) -> None:
    """No limit was exceeded, and what was scraped is what was kept."""
    ever = prometheus.samples(LIMITS_HIT, at=quiet.ended).now()
    lost = prometheus.samples(
        "scrape_samples_scraped - scrape_samples_post_metric_relabeling > 0 or scrape_samples_scraped == 0",
        at=quiet.ended,
    ).now()

    assert len(ever) > 0, "Prometheus no longer counts exceeded limits under these names"
    assert [sample for sample in ever.samples if sample.value] == []
    assert lost.samples == ()


@pytest.mark.parametrize("counter", TROUBLE)
def test_prometheus_had_no_trouble(counter: str, quiet: Quiet, prometheus: Prometheus) -> None:
    """No evaluation was missed or failed, no sample came twice or late."""
    before = prometheus.samples(counter, at=quiet.began).now()
    after = prometheus.samples(counter, at=quiet.ended).now()

    assert len(after) > 0, f"Prometheus has no {counter}"
    assert [sample.value for sample in after.samples] == [sample.value for sample in before.samples]


def test_every_group_is_evaluated_at_every_interval(
    quiet: Quiet, prometheus: Prometheus, stack: Stack
) -> None:
    """As often as the interval says, within one."""
    before = prometheus.samples(TURNS, at=quiet.began).now().by("rule_group")
    after = prometheus.samples(TURNS, at=quiet.ended).now().by("rule_group")

    due = quiet.seconds / stack.scrape_interval
    counts = {group: after[group] - before[group] for group in after}
    # one for the count itself, one for the two scrapes that read it
    assert {group: count for group, count in counts.items() if abs(count - due) > 2} == {}, f"{due:.1f} due"


def test_the_stack_uses_less_than_one_core(quiet: Quiet, stack: Stack) -> None:
    """Its containers' own figure: what else the machine does is not in it."""
    row = Row(
        what=f"idle stack, time divided by {stack.factor:g}",
        measured=quiet.cores,
        limit=ONE_CORE,
        unit="cores",
    )
    assert Measurements(ROOT / "build" / "compression.json").add(row) == "holds", row
