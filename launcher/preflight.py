"""What would make a start fail half-way, found before anything starts."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from launcher.problem import Problem
from launcher.processes import run

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_GIB = 2**30
MEMORY_NEEDED = 3 * _GIB
"""Bytes available: the stack's 2 GB and room for the engine."""
DISK_NEEDED = 3 * _GIB
DISK_NEEDED_TO_BUILD = 15 * _GIB
"""Bytes free below the engine's data folder; the Go module and build caches are most of it."""


def check_ports(ports: Mapping[str, int], *, ours: Collection[int]) -> None:
    """Every port is free, or already this stack's own.

    Raises:
        Problem: Names each taken port, its setting, and who has it where that can be seen.
    """
    doubled = sorted(name for name, port in ports.items() if list(ports.values()).count(port) > 1)
    if doubled:
        raise Problem(
            f"two services would share a port: {', '.join(f'{n}={ports[n]}' for n in doubled)}",
            "change one in .env",
        )
    taken = [name for name, port in ports.items() if port not in ours and not _is_free(port)]
    if taken:
        lines = "\n".join(f"    {name}={ports[name]}{_holder(ports[name])}" for name in taken)
        example = taken[0]
        remedy = f"stop what uses it, or choose another: {example}={ports[example] + 10000} in .env"
        raise Problem(f"port already in use on 127.0.0.1:\n{lines}", remedy)


def check_memory(*, needed: int = MEMORY_NEEDED, meminfo: Path = Path("/proc/meminfo")) -> None:
    """Enough memory is available.

    Raises:
        Problem: It is not; says how much there is.
    """
    if not meminfo.exists():  # not Linux: the engine's own limits apply
        return
    fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
    available = int(fields["MemAvailable"].split()[0]) * 1024
    if available < needed:
        raise Problem(
            f"too little memory: {available / _GIB:.1f} GiB available, {needed / _GIB:.1f} GiB needed",
            "stop something else, or use a larger machine",
        )


def check_disk(*, needed: int, folder: Path | None = None) -> None:
    """Enough disk is free where the engine keeps its data.

    Raises:
        Problem: It is not; says how much there is, and where.
    """
    where = folder or Path(
        run(["docker", "info", "--format", "{{.DockerRootDir}}"], what="docker info").strip()
    )
    if not where.exists():  # an engine in a machine of its own
        return
    free = shutil.disk_usage(where).free
    if free < needed:
        raise Problem(
            f"too little disk: {free / _GIB:.1f} GiB free in {where}, {needed / _GIB:.1f} GiB needed",
            "free some (`docker system df` shows what the engine holds)",
        )


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _holder(port: int) -> str:
    try:
        printed = subprocess.run(
            ["ss", "-Hltnp", f"sport = :{port}"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
    except FileNotFoundError:
        return ""
    return f"  ({printed.split('users:')[1].strip()})" if "users:" in printed else ""
