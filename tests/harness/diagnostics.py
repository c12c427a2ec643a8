"""What is kept when a test fails: enough to understand it tomorrow, on another machine, without the stack.

diagnostics/<test>/ gets the containers' states, the last lines of each that is unwell, Prometheus' targets, the alerts
that fire, and the traces of the test's own requests. The report's section says the heart of it in a few lines.
A store that does not answer costs a line, never the report: every part is gathered on its own.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.stack import Stack

_LINES = 200
_TRACES = 10


def collect(stack: Stack, test: str, *, seen: str, folder: Path) -> str:
    """Write the folder of a failed test and return the report's section.

    Args:
        stack: The stack it ran against.
        test: The test's id.
        seen: The failure in the test's own words.
        folder: Where the folders of all failed tests go.
    """
    here = folder / (re.sub(r"[^\w.-]+", "_", test).strip("_") or "test")
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir(parents=True)
    (here / "failure.txt").write_text(seen)
    parts: tuple[Callable[[Stack, Path], list[str]], ...] = (_containers, _targets, _alerts, _traces)
    said = [line for part in parts for line in _forgiving(part, stack, here)]
    heart = [line for line in seen.splitlines() if line.strip()][:6]
    text = "\n".join([*heart, *said, f"all of it: {here}"])
    (here / "summary.txt").write_text(text + "\n")
    return text


def _forgiving(part: Callable[[Stack, Path], list[str]], stack: Stack, here: Path) -> list[str]:
    try:
        return part(stack, here)
    except Exception as failure:  # noqa: BLE001 - a report about a broken stack must not break on it
        return [
            f"{part.__name__.strip('_')}: could not be read ({type(failure).__name__}: {str(failure)[:200]})"
        ]


def _containers(stack: Stack, here: Path) -> list[str]:
    states = stack.compose.states()
    (here / "containers.txt").write_text("".join(f"{state}\n" for state in states))
    for state in states.unwell:
        (here / f"{state.service}.log").write_text(stack.compose.tail(state.service, _LINES))
    return [repr(states)]


def _targets(stack: Stack, here: Path) -> list[str]:
    targets = stack.stores.prometheus.targets().now()
    _write(here / "targets.json", [asdict(target) for target in targets])
    down = [f"{target.job} ({target.error})" for target in targets if target.health != "up"]
    return [f"targets down: {', '.join(down)}" if down else f"targets: all {len(targets)} up"]


def _alerts(stack: Stack, here: Path) -> list[str]:
    alerts = stack.stores.prometheus.alerts().now()
    _write(here / "alerts.json", alerts)
    firing = sorted(
        {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"} - {"Watchdog"}
    )
    return [f"alerts firing: {', '.join(firing) or 'none but Watchdog'}"]


def _traces(stack: Stack, here: Path) -> list[str]:
    said = []
    for trace_id in stack.sent[-_TRACES:]:
        try:
            _write(here / f"trace-{trace_id}.json", stack.stores.jaeger.document(trace_id))
            trace = stack.stores.jaeger.trace(trace_id).now()
            said.append(f"{trace!r}: {stack.stores.jaeger.link(trace_id)}")
        except Exception as failure:  # noqa: BLE001 - the next trace may be there
            said.append(f"trace {trace_id}: {failure}")
    return said[-3:]  # the folder has the others


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, default=str))
