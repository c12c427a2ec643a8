"""`python -m sample_app.healthcheck <process>`: what a container's health check runs; standard library only, so quick.

A bare socket, because seven containers run this every few seconds: importing an HTTP client would cost four times as much.
"""

import os
import socket
import sys
from time import time

_SECONDS = 2
_SCHEDULER_SILENT_SECONDS = 30
# the ports' settings, repeated here because reading the settings takes longer than the check
_ASKED = {
    "api": ("STRATUM_PUBLIC_PORT", 8000, "/health/live"),
    "worker": ("STRATUM_WORKER_METRICS_PORT", 9810, "/metrics"),
    "ingester": ("STRATUM_INGESTER_METRICS_PORT", 9811, "/metrics"),
    "ad-platforms": ("STRATUM_AD_PLATFORMS_PORT", 8000, "/metrics"),
    "celery-exporter": ("STRATUM_EXPORTER_PORT", 9812, "/metrics"),
}


def is_healthy(process: str) -> bool:
    """Tell whether the process of this container answers, or was seen lately."""
    if process == "scheduler":
        return _was_seen(os.environ.get("STRATUM_SCHEDULE_FILE", "/tmp/stratum-schedule") + ".alive")  # noqa: S108 - the default of the settings
    variable, port, path = _ASKED[process]
    return _answers(int(os.environ.get(variable) or port), path)


def _was_seen(file: str) -> bool:
    try:
        return time() - os.stat(file).st_mtime < _SCHEDULER_SILENT_SECONDS  # noqa: PTH116 - importing pathlib takes as long as the rest
    except OSError:
        return False


def _answers(port: int, path: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
            return connection.recv(16).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if is_healthy(sys.argv[1]) else 1)
