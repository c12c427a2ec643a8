"""Each signal of each service arrives: a table, and one test for each of its cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.eventually import eventually
from harness.expectations import above, at_least, equals, has_length, has_services, is_not_empty

if TYPE_CHECKING:
    from harness.clients.api import Api
    from harness.clients.errors import Errors
    from harness.clients.jaeger import Jaeger
    from harness.clients.loki import Loki
    from harness.clients.prometheus import Prometheus
    from harness.stack import Stack

# Service: its Prometheus job, where it has one. Logs are the lines it prints; what has none is explained.
EMITS: dict[str, dict[str, str]] = {
    "stratum-api": {"metrics": 'job="stratum-api"', "logs": "", "traces": "", "errors": ""},
    # errors: nothing a tenant can send makes a task fail
    "stratum-worker": {"metrics": 'job="stratum-worker"', "logs": "", "traces": ""},
    # traces: one a batch, linked to the requests of its events (tests/signals/test_events.py)
    "stratum-ingester": {"metrics": 'job="stratum-ingester"', "logs": ""},
    "ad-platforms": {"metrics": 'job="ad-platforms"', "logs": "", "traces": ""},
    # metrics: beat has no port; traces: its turns have no caller, so they begin none
    "stratum-scheduler": {"logs": ""},
    # traces: it asks the broker on its own account
    "stratum-celery-exporter": {"metrics": 'job="stratum-celery"', "logs": ""},
    # metrics: it is gone before anybody could scrape it; traces: it serves no request
    "stratum-migrate": {"logs": ""},
    # its metrics are its exporter's to give
    "postgres": {"metrics": 'job="postgres",role="primary"', "logs": ""},
    "postgres-replica": {"metrics": 'job="postgres",role="replica"', "logs": ""},
    "redis": {"metrics": 'job="redis",role="cache"', "logs": ""},
    "redis-broker": {"metrics": 'job="redis",role="broker"', "logs": ""},
    # logs: the Collector's and Loki's own lines would go round in a circle, so they stay with Docker
    "otel-collector": {"metrics": 'job="otel-collector"'},
    "loki": {"metrics": 'job="loki"'},
    # logs: these speak from "warning" upwards, and a well stack gives them nothing to say
    "prometheus": {"metrics": 'job="prometheus"'},
    "alertmanager": {"metrics": 'job="alertmanager"'},
    "jaeger": {"metrics": 'job="jaeger"'},
    "inbox": {"metrics": 'job="inbox"', "logs": ""},
    # metrics: Bugsink exposes none
    "errors": {"logs": ""},
    "volumes-exporter": {"metrics": 'job="volumes"'},
    # exporters are seen by what they export, above
    "postgres-exporter": {},
    "postgres-replica-exporter": {},
    "redis-exporter": {},
    "redis-broker-exporter": {},
    # one-shot, before there is anything to report to
    "volumes": {},
}


def services_with(signal: str) -> list[str]:
    return [service for service, signals in EMITS.items() if signal in signals]


@pytest.mark.smoke
def test_the_table_names_every_service(stack: Stack) -> None:
    """No service is added to the stack without a word on what it emits."""
    labelled = {service["labels"]["stratum.service"] for service in stack.services.values()}
    assert labelled - {"grafana"} == set(EMITS)


@pytest.mark.smoke
@pytest.mark.parametrize("service", services_with("metrics"))
def test_metrics_arrive(service: str, prometheus: Prometheus) -> None:
    """Prometheus reads a service's own metrics, not only that it is up."""
    selector = EMITS[service]["metrics"]
    eventually(prometheus.value(f"min(up{{{selector}}})"), equals(1), within=30)
    own = prometheus.value(f'count({{{selector},__name__!~"up|scrape_.*"}})')
    eventually(own, above(1), within=30)


@pytest.mark.smoke
@pytest.mark.parametrize("service", services_with("logs"))
def test_logs_arrive(service: str, acme: Api, loki: Loki) -> None:
    """Loki has lines under the service's own name."""
    run = acme.execute(1001)
    # who says something of each request has said thousands of things by now: only the last ones are asked for
    since = run.sent_at - 1 if service in {"stratum-api", "stratum-worker"} else None
    lines = eventually(loki.lines(f'{{service_name="{service}"}}', since=since), is_not_empty, within=30)
    assert lines[0].labels["service_namespace"] == "stratum"
    assert lines[0].labels["deployment_environment_name"]


@pytest.mark.smoke
def test_lines_are_indexed_by_what_is_few(acme: Api, loki: Loki) -> None:
    """By service, namespace and environment; level, tenant and ids are beside each line, and found there as well."""
    run = acme.execute(1001)
    query = f'{{service_name="stratum-api"}} | tenant_id="acme" | detected_level="info" | trace_id="{run.trace_id}"'
    eventually(loki.lines(query), has_length(1), within=15)
    labels = loki.http.json("/loki/api/v1/labels")["data"]
    indexed = {
        label for label in labels if not label.startswith("__")
    }  # Loki splits a busy stream by one of its own
    assert indexed == {"service_name", "service_namespace", "deployment_environment_name"}


@pytest.mark.smoke
def test_traces_arrive(acme: Api, jaeger: Jaeger) -> None:
    """A run of an automation is traced by exactly the services that the table says are traced."""
    run = acme.execute(1001)
    eventually(jaeger.trace(run.trace_id), has_services(*services_with("traces")), within=60)


@pytest.mark.smoke
@pytest.mark.parametrize("service", services_with("errors"))
def test_errors_arrive(service: str, operator: Api, errors: Errors) -> None:
    """An unhandled error becomes one event, of the service it happened in."""
    failed = operator.canary_error()
    (event,) = eventually(errors.of_trace(failed.trace_id), has_length(1), within=15)
    assert event.tags["service"] == service
    assert event.release


@pytest.mark.smoke
def test_decisions_are_counted(acme: Api, prometheus: Prometheus) -> None:
    """The worker's figure of merit arrives under the tenant it belongs to."""
    eventually(acme.outcome(acme.execute(1001)), within=60)
    counted = prometheus.value('sum(trust_gate_decisions_total{tenant_id="acme"})')
    eventually(counted, at_least(1), within=30)
