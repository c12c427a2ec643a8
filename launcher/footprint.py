"""`make footprint`: how much memory the idle stack really holds (design, part 9)."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from launcher import containers
from launcher.measurements import Row, write

if TYPE_CHECKING:
    from launcher.environment import Environment

LIMIT = 2 * 2**30
"""Bytes, the sum over all containers."""
_MIB = 2**20


def measure(environment: Environment, *, idle: float) -> bool:
    """Sum the anonymous memory of the project's cgroups after *idle* seconds without requests.

    Returns:
        Whether it is within the limit.
    """
    console = Console()
    if idle:
        console.print(f"waiting {idle:g} s: the figure is that of the idle stack")
        time.sleep(idle)
    running = [state for state in containers.every_one(environment.project) if state.status == "running"]
    held = Counter[str]()
    for state in running:
        held[state.service] += containers.anon_memory(state.container)
    total = sum(held.values())
    table = Table(
        "service",
        "anon memory",
        title=f"project {environment.project}, {len(running)} containers",
        title_justify="left",
    )
    for service, size in sorted(held.items(), key=lambda item: -item[1]):
        table.add_row(service, f"{size / _MIB:6.1f} MiB")
    table.add_section()
    table.add_row("sum", f"{total / _MIB:6.1f} MiB of {LIMIT / _MIB:.0f} MiB")
    console.print(table)
    row = Row(
        what="whole stack, 60 s idle: anon memory of the cgroups",
        measured=total / _MIB,
        limit=LIMIT / _MIB,
        unit="MiB",
    )
    write(
        environment.folder / "footprint.json",
        [row],
        services={name: round(size / _MIB, 1) for name, size in held.items()},
    )
    return total <= LIMIT
