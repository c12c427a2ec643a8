"""Asks each dependency whether it answers, all at once, each with a time limit; never fails itself."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

from sample_app.stores import Check

TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    healthy: bool
    duration_ms: float
    error: str | None = None


async def run_checks(checks: Mapping[str, Check], *, timeout: float = TIMEOUT_SECONDS) -> dict[str, Finding]:  # noqa: ASYNC109 - of each, not of all
    """Run every check at once; one that fails, hangs or breaks is one finding."""
    findings = await asyncio.gather(*(_run(check, timeout) for check in checks.values()))
    return dict(zip(checks, findings, strict=True))


async def _run(check: Check, timeout: float) -> Finding:  # noqa: ASYNC109 - the caller's
    started = perf_counter()
    error: str | None = None
    task = asyncio.ensure_future(check())
    # not wait_for: it waits for the cancelled check, and a paused server's never ends
    done, _ = await asyncio.wait({task}, timeout=timeout)
    if not done:
        task.cancel()
        error = f"no answer within {timeout:g} s"
    elif (failure := task.exception()) is not None:
        error = type(failure).__name__  # its text may hold an address or a password
    return Finding(error is None, round((perf_counter() - started) * 1000, 1), error)
