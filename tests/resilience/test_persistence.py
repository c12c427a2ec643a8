"""Everything is killed at once, as by a power cut, and started again: what could be read before can be read again.

And what could not be read yet: lines that the Collector keeps, since Loki is away.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from harness import loss
from harness.eventually import eventually
from harness.expectations import at_least, is_not_empty, later_than
from harness.loss import LossRow, settled

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from harness.clients.api import Api
    from harness.clients.database import Database
    from harness.eventually import Probe
    from harness.faults import Faults
    from harness.ids import Comparison
    from harness.loss import Ids
    from harness.measurements import Measurements
    from harness.stack import Stack
    from harness.traffic import Traffic

pytestmark = pytest.mark.slow

FAULT = "everything killed at once"
SPANS = ("POST /api/v1/automations/{automation_id}/execute", "process_automation")
LATENCY = 'api_request_duration_seconds_bucket{endpoint="/api/v1/automations/{automation_id}/execute"}'
STORES = ("PostgreSQL", "Loki", "Jaeger", "Prometheus", "Bugsink", "inbox", "Alertmanager", "Collector")
QUEUED = 'sum(otelcol_exporter_queue_size{exporter="otlp_http/loki"})'
# Alertmanager writes silences down at each of its maintenances: the second one begun since has this silence
MAINTENANCES = "alertmanager_silences_maintenance_total"


@dataclass(frozen=True)
class PowerCut:
    """What each store could be asked for before, and what of it can be read again."""

    ids: Mapping[str, Collection[str]]
    comparisons: Mapping[str, Comparison]


def compared(found: Mapping[str, Probe[Ids]], known: Mapping[str, Collection[str]]) -> dict[str, Comparison]:
    """Ask all stores at once until none has anything more to say; what has come since has no claim."""
    with ThreadPoolExecutor(max_workers=len(known)) as several:
        asked = {
            store: several.submit(settled, loss.only(found[store], set(ids)), ids)
            for store, ids in known.items()
        }
    return {store: answer.result() for store, answer in asked.items()}


@pytest.fixture(scope="module")
def power_cut(
    stack: Stack, faults: Faults, database: Database, operator: Api, executing: Callable[[float], Traffic]
) -> PowerCut:
    """Put something into every store, see that it can be read, kill all, and start as a person would: `up`."""
    began, stores, traffic = time.time(), stack.stores, executing(10)
    with traffic.flowing():
        traffic.goes_on_for(1)
    ids = [one.trace_id for one in traffic.answered(202)]
    failed = operator.canary_error()
    silence = stores.alertmanager.silence("NoAlertHasThisName", until="2100-01-01T00:00:00Z")
    exemplars = stores.prometheus.exemplars(LATENCY, since=began)
    eventually(exemplars, is_not_empty, within=45)
    # since then only: it shows the newest thousand, and the power cut makes it write
    told = stores.inbox.notifications(since=began)
    eventually(told, is_not_empty, within=60)
    kept = stores.prometheus.value(MAINTENANCES)
    eventually(kept, at_least(eventually(kept) + 2), within=150)

    late = executing(10)

    def lines(of: Traffic) -> Probe[Ids]:
        return loss.lines(stores.loki, of.prefix, service="stratum-api", event="api_request", since=began - 1)

    found = {
        "PostgreSQL": loss.rows(database, traffic.prefix),
        "Loki": lines(traffic),
        "Jaeger": loss.spans(stores.jaeger, ids, SPANS, again=loss.DELIVERIES),
        "Prometheus": loss.each(exemplars, lambda one: one.trace_id),
        "Bugsink": loss.each(stores.errors.of_trace(failed.trace_id), lambda one: one.event_id),
        "inbox": loss.each(told, lambda one: str(one.id)),
        "Alertmanager": loss.each(stores.alertmanager.silences(), str),
        "Collector": lines(late),
    }
    known = {
        "PostgreSQL": ids,
        "Loki": ids,
        "Jaeger": [loss.span_id(trace_id, name) for trace_id in ids for name in SPANS],
        "Prometheus": [one.trace_id for one in exemplars.now()],
        "Bugsink": [
            one.event_id for one in eventually(stores.errors.of_trace(failed.trace_id), is_not_empty)
        ],
        "inbox": [str(one.id) for one in told.now()],
        "Alertmanager": [silence],
    }
    before = compared(found, {store: known[store] for store in ("PostgreSQL", "Loki", "Jaeger")})
    lost = {store: str(one) for store, one in before.items() if not one.is_exact}
    assert not lost, f"before anything was killed: {lost}"

    # killed too, only sooner: told to stop, it would write everything down first
    with faults.killed("loki"):
        with late.flowing():
            late.goes_on_for(1)
        known["Collector"] = [one.trace_id for one in late.answered(202)]
        # the lines of others wait there too: first everything has come that was under way
        eventually(stores.prometheus.scraped_at("otel-collector"), later_than(time.time() + 2), within=45)
        eventually(stores.prometheus.value(QUEUED), at_least(len(known["Collector"])), within=30)
        running = [state.service for state in stack.compose.states() if state.state == "running"]
        with faults.killed(*running):
            stack.start()
    return PowerCut(known, compared(found, known))


@pytest.mark.parametrize("store", STORES)
def test_what_could_be_read_before_can_be_read_again(
    store: str, power_cut: PowerCut, losses: Measurements
) -> None:
    """Every id, without a step by hand."""
    assert power_cut.ids[store], f"{store} was asked for nothing"
    comparison = power_cut.comparisons[store]
    row = LossRow.of(f"ids lost by {store}, {FAULT}", comparison, unit="ids")
    assert losses.add(row) == "holds", str(comparison)
