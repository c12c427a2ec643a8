"""What may be named in a rule or a runbook: metrics, labels and label values, as those who emit them declare them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import promql_parser
import yaml
from fastapi.routing import iter_route_contexts
from launcher.environment import ROOT
from opentelemetry.trace import NoOpTracer

from harness import rendering
from sample_app.application import make_internal_app, make_public_app
from sample_app.settings import Settings
from sample_app.telemetry import names
from sample_app.telemetry.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sample_app.stores import Platform

FOREIGN: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "foreign_metrics.yml").read_text()
)
SCRAPES = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
COLLECTOR = yaml.safe_load((ROOT / "otel-collector" / "config.yml").read_text())
OF_A_TARGET = {"job", "instance", "role"}
"""Labels that a scrape adds."""


def _endpoints() -> set[str]:
    """The routes of both applications, as their middleware names them; no store is asked."""
    settings, watch = Settings(service="stratum-api"), Watch.with_tracer(NoOpTracer())
    no_platform = cast("Platform", None)
    applications = (
        make_public_app(settings, no_platform, watch),
        make_internal_app(settings, no_platform, watch),
    )
    routes = [route for app in applications for route in iter_route_contexts(app.routes)]
    return {route.path_format for route in routes if route.path_format} | {names.UNMATCHED}


VALUES: dict[str, set[str]] = {
    "decision": set(names.DECISIONS),
    "status": set(names.EXECUTION_STATUSES),
    "platform": set(names.PLATFORMS),
    "error_class": set(names.ERROR_CLASSES),
    "event_type": set(names.EVENT_TYPES),
    "signal_type": set(names.SIGNAL_TYPES),
    "method": set(names.METHODS),
    "result": set(names.INGEST_RESULTS),
    "job": {job["job_name"] for job in SCRAPES},
    "role": {
        group["labels"]["role"]
        for job in SCRAPES
        for group in job.get("static_configs", ())
        if "labels" in group
    },
    "le": {str(float(limit)) for metric in names.METRICS for limit in metric.buckets} | {"+Inf"},
    "status_code": {str(status.value) for status in HTTPStatus},
    # of a task, and (PostgreSQL's own words) of a replica's connection
    "state": set(names.TASK_STATES) | {"streaming", "catchup", "startup", "backup", "stopping"},
    "task": set(names.TASKS),
    "queue": {names.QUEUE},
    "dependency": set(names.DEPENDENCIES),
    "endpoint": _endpoints(),
    # ours, and those that every PostgreSQL is made with
    "datname": {SERVICES["postgres"]["environment"]["POSTGRES_DB"], "postgres", "template0", "template1"},
    "mountpoint": {
        mount["target"] for mount in SERVICES["volumes-exporter"]["volumes"] if isinstance(mount, dict)
    },
    "exporter": set(COLLECTOR["exporters"]),
    "data_type": {pipeline.partition("/")[0] for pipeline in COLLECTOR["service"]["pipelines"]},
    "slo": {path.stem for path in (ROOT / "prometheus" / "slos").glob("*.yml")},
    "alertstate": {"pending", "firing"},
    # which of them are allowed, tests/config/test_rules.py says
    "severity": {str(rule["labels"]["severity"]) for rule in rendering.committed_alerts(ROOT)},
}
"""Labels whose values are bounded: a matcher has to match one of them, or it matches nothing."""


@dataclass
class Named:
    """What an expression names."""

    metrics: set[str] = field(default_factory=set)
    matchers: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Metric, label, operator, value."""


def named_in(expression: str) -> Named:
    """Read what a PromQL expression names."""
    found = Named()
    for selector in _selectors(promql_parser.parse(expression)):
        matchers = [(one.name, str(one.op), one.value) for one in selector.matchers.matchers]
        of = [selector.name] if selector.name else [v for n, _, v in matchers if n == "__name__"]
        metrics = {part for name in of for part in name.split("|")}
        found.metrics |= metrics
        found.matchers += [
            (metric, label, op.rpartition(".")[2], value)
            for metric in metrics
            for label, op, value in matchers
            if label != "__name__"
        ]
    return found


def _selectors(node: object) -> Iterator[Any]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node
        return
    parts = [getattr(node, key, None) for key in ("lhs", "rhs", "expr", "param", "vector_selector")]
    for part in parts + list(getattr(node, "args", None) or []):
        if part is not None:
            yield from _selectors(part)


@cache
def labels() -> dict[str, set[str]]:
    """The labels of every metric that is declared somewhere."""
    found = {name: set(spec["labels"]) for name, spec in FOREIGN.items()}
    for metric in names.METRICS:
        if metric.kind == "histogram":
            found |= {f"{metric.name}_{part}": set(metric.labels) for part in ("sum", "count")}
            found[f"{metric.name}_bucket"] = {*metric.labels, "le"}
        else:
            found[metric.name] = set(metric.labels)
    recorded = [rule for _, rule in rendering.committed_rules(ROOT) if "record" in rule]
    for rule in recorded:  # in the order of the files, in which each reads what stands before it
        of = named_in(str(rule["expr"])).metrics
        inherited = set[str]().union(*(found.get(metric, set()) for metric in of))
        found[rule["record"]] = found.get(rule["record"], set()) | inherited | set(rule.get("labels", {}))
    return found


def undeclared(expression: str) -> list[str]:
    """Say which names of an expression nobody declares."""
    found = named_in(expression)
    complaints = [f"no metric {metric}" for metric in sorted(found.metrics - labels().keys())]
    for metric, label, operator, value in found.matchers:
        if metric in labels() and label not in labels()[metric] | OF_A_TARGET:
            complaints.append(f"{metric} has no label {label}")
        elif label in VALUES and not _matches(label, operator, value):
            complaints.append(f"{label} of {metric} is never {value}")
    return complaints


def _matches(label: str, operator: str, value: str) -> bool:
    if operator in ("Equal", "NotEqual"):
        return value in VALUES[label]
    # each alternative has to be of use, also as an exclusion
    return all(any(re.fullmatch(part, known) for known in VALUES[label]) for part in value.split("|"))


def code_of(runbook: Path, language: str) -> list[str]:
    """The blocks of one language in a runbook."""
    blocks = re.findall(rf"^( *)```{language}\n(.*?)^ *```", runbook.read_text(), re.MULTILINE | re.DOTALL)
    return ["\n".join(line.removeprefix(indent) for line in body.splitlines()) for indent, body in blocks]
