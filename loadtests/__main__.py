"""Run locust on the running stack, headless and bounded; it ends with the verdict as its exit code."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from harness.clients.http import Session  # noqa: E402
from harness.eventually import NotYet  # noqa: E402
from loadtests import settings  # noqa: E402


def main() -> int:
    """Check that there is something to load, then become locust."""
    run = settings.Settings.from_environment()
    try:
        Session(settings.addresses().api).json("/health/ready")
        settings.stores().tenant_key("acme")
    except (NotYet, OSError) as failure:
        sys.stderr.write(f"there is no stack to load: {failure}\n  -> make up\n")
        return 2
    os.environ.update({f"LOAD_{key.upper()}": str(value) for key, value in asdict(run).items()})
    # users finish the request in hand, or it would be counted at the server and not here
    arguments = [
        "--headless",
        "--only-summary",
        "--stop-timeout",
        "15",
        "--loglevel",
        "WARNING",
        "--host",
        settings.addresses().api,
    ]
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests" / "locustfile.py"), *arguments]
    sys.stdout.write(f"load run {run.run_id}: {run.rate:g} requests/s for {run.seconds:g} s\n")
    sys.stdout.flush()
    return os.execv(sys.executable, command)  # noqa: S606 - the same interpreter, our own arguments


if __name__ == "__main__":
    raise SystemExit(main())
