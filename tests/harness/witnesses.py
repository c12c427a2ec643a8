"""Who is asked when a test has failed: the containers, the Collector, Prometheus, Jaeger. Each answers in one line.

What a witness knows beyond its line goes into the folder of the failed test.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from launcher import containers as engine
from prometheus_client.parser import text_string_to_metric_families

from harness.clients.prometheus import Sample
from harness.containers import NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from harness.stack import Stack

_LINES = 200
_TRACES = 10
_WORDS = 160
_KILLED = 137
_NEVER = "0001-01-01"  # the engine's word for "not yet"
_PAUSE = 0.1  # seconds, at least, for which the engine leaves a container alone that ended

_METRICS = "http://otel-collector:8888/metrics"  # published nowhere: a neighbour with Python is asked to look
_NEIGHBOURS = ("inbox", "api", "worker")
_READ = f"import urllib.request as u; print(u.urlopen({_METRICS!r}, timeout=5).read().decode())"
_PASSED = re.compile(
    r"otelcol_(?:receiver|exporter)_([a-z_]*(?:accepted|sent|refused|failed))_(log_records|spans)"
)
_QUEUE = re.compile(r"otelcol_exporter_queue_size(?!_bytes)")
_PROCESSED = re.compile(r"otelcol_processor_(incoming|outgoing)_items")
_LAST_KNOWN = (
    'last_over_time({job="otel-collector",__name__=~"otelcol_(receiver|exporter|processor)_.*"}[1h])'
)
_KINDS = {"log_records": "lines", "logs": "lines", "spans": "spans", "traces": "spans"}


def containers(stack: Stack, here: Path) -> str:
    """Say who is not well, and who was started again; keep everybody's state and last lines."""
    found = _each(engine.every_one(stack.environment.project))
    _write(here / "containers.json", {name: one.container.attrs["State"] for name, one in found.items()})

    def keep(name: str) -> None:
        (here / f"{name}.log").write_text(engine.last_lines(found[name], _LINES) + "\n")

    with ThreadPoolExecutor(max_workers=4) as several:
        list(several.map(keep, found))
    missing = sorted(set(stack.services) - {one.service for one in found.values()})
    unwell = [trouble(one) for one in found.values() if not one.is_ready] + [
        f"{name} has none" for name in missing
    ]
    first_crashes = sorted(found.values(), key=lambda one: (-one.restarts, one.service))
    again = list(filter(None, map(restart, first_crashes)))
    said = f"{len(found) - len(unwell) + len(missing)} of {len(found) + len(missing)} well"
    said += f"; not: {', '.join(unwell)}" if unwell else ""
    return said + (f"; started again: {', '.join(again)}" if again else "; none was started again")


def _each(states: Iterable[engine.State]) -> dict[str, engine.State]:
    """Name containers by their service; the replicas of one by their numbers as well."""
    states = list(states)
    replicas = Counter(one.service for one in states)

    def name(one: engine.State) -> str:
        return f"{one.service}-{one.container.labels[NUMBER]}" if replicas[one.service] > 1 else one.service

    return {name(one): one for one in states}


def trouble(one: engine.State) -> str:
    """Describe a container that is not well: how, since when, and why if the engine knows."""
    state = one.container.attrs["State"]
    words = f"{one.service} {one}"
    if one.status == "exited":
        words += f" at {_clock(state['FinishedAt'])}" + (", out of memory" if state["OOMKilled"] else "")
    looks = state.get("Health", {}).get("Log") or []
    if one.status == "running" and looks:
        words += f": {' '.join(looks[-1]['Output'].split())[:_WORDS]!r}"
    if one.status in {"exited", "restarting"} and one.exit_code not in {0, _KILLED}:
        words += _last_words(engine.last_lines(one, 1))
    return words


def restart(one: engine.State) -> str:
    """Tell when a running container was started again, how often without being asked and why; "" if it never was."""
    state = one.container.attrs["State"]
    if one.status != "running" or state["FinishedAt"].startswith(_NEVER):
        return ""
    words = f"{one.service} at {_clock(state['StartedAt'])}"
    if not one.restarts:
        return words
    ended = datetime.fromisoformat(state["FinishedAt"]).timestamp()
    before = engine.last_lines(one, _LINES, until=ended + _PAUSE)
    return f"{words} ({one.restarts} crashes{_last_words(before)})"


def collector(stack: Stack, here: Path) -> str:
    """Say what the Collector received, queued, sent and dropped, by its own figures or as Prometheus saw them last."""
    try:
        samples = _own_figures(stack, here)
        whose = ""
    except Exception as failure:  # noqa: BLE001 - it is the one that broke, or its neighbours are
        samples = stack.stores.prometheus.samples(_LAST_KNOWN).now().samples
        whose = f" (as Prometheus saw it last: {_short(failure, 60)})"
    return flow(samples) + whose


def _own_figures(stack: Stack, here: Path) -> tuple[Sample, ...]:
    running = {state.service for state in stack.compose.states() if state.state == "running"}
    if "otel-collector" not in running:
        raise LookupError("it does not run")
    neighbour = next((name for name in _NEIGHBOURS if name in running), None)
    if neighbour is None:
        raise LookupError("no neighbour is left to ask it")
    text, _, _ = stack.compose.exec_in_container(["python3", "-c", _READ], neighbour)
    (here / "collector-metrics.txt").write_text(text)
    return tuple(
        Sample({**one.labels, "__name__": one.name}, one.value)
        for family in text_string_to_metric_families(text)
        for one in family.samples
    )


def flow(samples: Iterable[Sample]) -> str:
    """Sum the Collector's figures up: what came, what went, what waits, and what was kept from going on."""
    count: dict[tuple[str, str], float] = {}
    lost: dict[str, float] = {}
    held: dict[str, float] = {}
    for one in samples:
        name, labels = one.labels["__name__"], one.labels
        if passed := _PASSED.match(name):
            how, kind = passed[1], _KINDS[passed[2]]
            count[kind, how] = count.get((kind, how), 0) + one.value
            if how not in {"accepted", "sent"} and one.value:
                by = labels.get("exporter") or labels.get("receiver", "")
                lost[f"{kind} {how.replace('_', ' ')} by {by}"] = one.value
        elif _QUEUE.match(name):
            kind = _KINDS.get(labels.get("data_type", ""), "items")
            count[kind, "queued"] = count.get((kind, "queued"), 0) + one.value
        elif processed := _PROCESSED.match(name):
            sign = 1 if processed[1] == "incoming" else -1
            key = labels.get("processor", "")
            held[key] = held.get(key, 0) + sign * one.value
    if not count:
        return "no figures"
    said = [
        f"{kind}: {count.get((kind, 'accepted'), 0):g} received, {count.get((kind, 'queued'), 0):g} queued, "
        f"{count.get((kind, 'sent'), 0):g} sent"
        for kind in ("lines", "spans")
    ]
    lost |= {f"items dropped by processor {name}": items for name, items in held.items() if items > 0}
    return "; ".join(
        [*said, ", ".join(f"{n:g} {what}" for what, n in lost.items()) or "nothing refused or dropped"]
    )


def prometheus(stack: Stack, here: Path) -> str:
    """Say which targets are down and which alerts are not quiet."""
    targets = stack.stores.prometheus.targets().now()
    alerts = stack.stores.prometheus.alerts().now()
    _write(here / "targets.json", [asdict(target) for target in targets])
    _write(here / "alerts.json", alerts)
    down = [repr(target) for target in targets if target.health != "up"]
    # found by DNS, a target that stops is not down but gone; Grafana is optional
    gone = set(stack.stores.prometheus.jobs().now()) - {target.job for target in targets} - {"grafana"}
    down += [f"{job} has none" for job in sorted(gone)]
    said = f"{sum(target.health == 'up' for target in targets)} targets up" + (
        f", not: {', '.join(down)}" if down else ""
    )
    for state in ("firing", "pending"):
        named = {alert["labels"]["alertname"] for alert in alerts if alert["state"] == state} - {"Watchdog"}
        said += f"; {state}: {', '.join(sorted(named))}" if named else f"; no alert {state}"
    return said


def traces(stack: Stack, here: Path) -> str:
    """Tell of the test's last request; keep the traces of its last ten."""
    said = "the test sent nothing"
    for trace_id in stack.sent[-_TRACES:]:
        try:
            _write(here / f"trace-{trace_id}.json", stack.stores.jaeger.document(trace_id))
            said = f"{stack.stores.jaeger.trace(trace_id).now()!r}"
        except Exception as failure:  # noqa: BLE001 - the next trace may be there
            said = f"{trace_id}: {_short(failure, 100)}"
    return said


def links(stack: Stack) -> Mapping[str, str]:
    """Where a person goes on looking, as long as the stack runs."""
    stores = stack.stores
    found = {"targets": stores.prometheus.targets().where, "notifications": stores.inbox.address}
    if stack.sent:
        trace_id = stack.sent[-1]
        found |= {"trace": stores.jaeger.link(trace_id), "its lines": stores.loki.of_trace(trace_id).where}
    return found


def _last_words(printed: str) -> str:
    """Quote the end of the last line; of a line in JSON that is where a traceback has its error."""
    last = printed.rstrip().rpartition("\n")[2]
    return f", its last words: {last[-_WORDS:]!r}" if last else ", and said nothing"


def _clock(moment: str) -> str:
    return moment[11:19]


def _short(failure: BaseException, length: int) -> str:
    return " ".join(str(failure).split())[:length] or type(failure).__name__


def _write(path: Path, content: Any) -> None:  # noqa: ANN401 - whatever JSON can say
    path.write_text(json.dumps(content, indent=1, default=str))
