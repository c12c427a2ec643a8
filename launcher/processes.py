"""Running other programs: their output is kept for the message, and long ones are told from stuck ones."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from launcher.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def run(
    command: Sequence[str],
    *,
    what: str,
    remedy: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    within: float = 600,
    stdin: bytes | None = None,
) -> str:
    """Run *command* and return what it printed.

    Args:
        command: Program and arguments; no shell is involved.
        what: Completes "... failed" in the message.
        remedy: What a person can do about it.
        env: The whole environment; this process's own if left out.
        cwd: Folder to run in.
        within: Seconds before it is stopped.
        stdin: Bytes to hand over.

    Raises:
        Problem: The program is missing, failed or took too long; its last lines are in the message.
    """
    try:
        done = subprocess.run(
            list(command), env=env, cwd=cwd, timeout=within, input=stdin, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise Problem(f"{what} failed: {command[0]} is not installed", remedy) from error
    except subprocess.TimeoutExpired as error:
        raise Problem(f"{what} failed: no end after {within:g} s: {' '.join(command)}", remedy) from error
    output = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode:
        tail = "\n".join(f"    {line}" for line in output.strip().splitlines()[-15:])
        raise Problem(f"{what} failed (exit {done.returncode}): {' '.join(command)}\n{tail}", remedy)
    return done.stdout.decode(errors="replace")


def succeeds(command: Sequence[str], *, within: float = 30) -> bool:
    """Whether *command* can be run and ends with 0."""
    try:
        return (
            subprocess.run(
                list(command), timeout=within, stdin=subprocess.DEVNULL, capture_output=True, check=False
            ).returncode
            == 0
        )
    except (FileNotFoundError, PermissionError, subprocess.TimeoutExpired):
        return False
