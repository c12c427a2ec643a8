"""What is kept when a test fails: enough to understand it tomorrow, on another machine, without the stack.

The report begins with ten lines: what was seen and when, who was unwell, what the Collector passed on, where to look.
diagnostics/<test>/ has the rest: everybody's last lines and states, the Collector's figures, Prometheus' targets, the
alerts, and the traces of the test's own requests.
A store that does not answer costs a line, never the report: every witness is heard on its own.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harness import witnesses

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.stack import Stack

_WIDTH = 400
_HEART = 3  # lines of what the test said itself


@dataclass(frozen=True)
class Failure:
    """What a test says of itself."""

    test: str
    seen: str
    at: float  # seconds since the epoch
    after: float  # seconds since the test began
    machine: str  # what it did meanwhile


def collect(stack: Stack, failure: Failure, *, folder: Path) -> str:
    """Write the folder of a failed test and return what its report begins with.

    Args:
        stack: The stack it ran against.
        failure: What happened.
        folder: Where the folders of all failed tests go.
    """
    here = folder / (re.sub(r"[^\w.-]+", "_", failure.test).strip("_") or "test")
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir(parents=True)
    (here / "failure.txt").write_text(failure.seen + "\n")
    first, *others = heart(failure.seen)
    moment = datetime.fromtimestamp(failure.at, UTC)
    lines = [_line("seen", f"{moment:%H:%M:%S} UTC, {failure.after:.1f} s after it began: {first}")]
    lines += [_line("", line) for line in others]
    witness: Callable[[Stack, Path], str]
    for witness in (witnesses.containers, witnesses.collector, witnesses.prometheus, witnesses.traces):
        lines.append(_line(witness.__name__, _forgiving(witness, stack, here)))
    lines.append(_line("machine", failure.machine))
    addresses = "  ".join(f"{name}: {address}" for name, address in witnesses.links(stack).items())
    lines += [f"{'look':11} {addresses}", f"{'kept':11} {here}"]
    text = "\n".join(lines)
    (here / "summary.txt").write_text(text + "\n")
    return text


def heart(seen: str) -> list[str]:
    """Choose the lines that tell most: of a wait, what was asked, what was seen last, what was unmet."""
    lines = [line.strip() for line in seen.splitlines() if line.strip()] or ["it said nothing"]
    unmet = [line for line in lines if line.startswith("unmet:")]
    if not unmet:
        return lines[:_HEART]
    sighted = [line for line in lines[: lines.index(unmet[0])] if line.startswith("+")]
    return [lines[0], *(f"last seen {line}" for line in sighted[-1:]), unmet[0]]


def _forgiving(witness: Callable[[Stack, Path], str], stack: Stack, here: Path) -> str:
    try:
        return witness(stack, here)
    except Exception as failure:  # noqa: BLE001 - a report about a broken stack must not break on it
        return f"could not be asked ({type(failure).__name__}: {' '.join(str(failure).split())[:200]})"


def _line(who: str, what: str) -> str:
    return f"{who:11} {what if len(what) <= _WIDTH else what[:_WIDTH] + '...'}".rstrip()
