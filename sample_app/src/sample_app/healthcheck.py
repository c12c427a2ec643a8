"""`python -m sample_app.healthcheck <process>`: what a container's health check runs; standard library only, so quick."""

import http.client
import os
import sys
from pathlib import Path
from time import time

_SECONDS = 2
_OK = 200
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
        schedule = os.environ.get("STRATUM_SCHEDULE_FILE", "/tmp/stratum-schedule")  # noqa: S108 - the default of the settings
        seen = Path(f"{schedule}.alive")
        return seen.exists() and time() - seen.stat().st_mtime < _SCHEDULER_SILENT_SECONDS
    variable, port, path = _ASKED[process]
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(os.environ.get(variable) or port), timeout=_SECONDS
    )
    try:
        connection.request("GET", path)
        return connection.getresponse().status == _OK
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_healthy(sys.argv[1]) else 1)
