"""Where everything listens inside the container, and on which core it runs."""

import os
import subprocess
import sys
from typing import IO

PORTS = {"bare": 8001, "instrumented": 8002, "official": 8003, "conventional": 8004}
REDIS = 6380
OTLP_HTTP = "http://127.0.0.1:4318"
OTLP_GRPC = "http://127.0.0.1:4317"
KEY = "Authorization: Bearer bench"
DSN = "http://key@127.0.0.1:4318/1"
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]


def start(
    *command: str, core: int, stdout: int | IO[bytes] | None = subprocess.DEVNULL, **env: str
) -> "subprocess.Popen[bytes]":
    """Start a program on one core; what it says of errors is shown."""
    pinned = ["taskset", "--cpu-list", str(core), *command]
    return subprocess.Popen(pinned, stdout=stdout, stderr=sys.stderr, env={**os.environ, **env})


def python(*arguments: str) -> tuple[str, ...]:
    """Return the command that runs one of our modules."""
    return (sys.executable, "-m", *arguments)
