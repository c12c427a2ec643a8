"""The inbox as a process of its own on this machine, without a container: for tests of the process and of its pages."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from launcher import credentials
from launcher.environment import ROOT, free_ports

from harness.clients.http import Session
from harness.eventually import Probe, eventually
from harness.expectations import equals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SOURCE = ROOT / "inbox" / "src"
_KEY_FILES = {
    "INBOX_PAGERDUTY_KEY_FILE": "pagerduty_routing_key",
    "INBOX_SLACK_PLATFORM_URL_FILE": "slack_platform_url",
    "INBOX_SLACK_CUSTOMER_HEALTH_URL_FILE": "slack_customer_health_url",
}


@contextmanager
def process(settings: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run `python -m inbox` with these settings and nothing else of this machine's environment; end it in any case."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(_SOURCE),
        "PYTHONUNBUFFERED": "1",
        **settings,
    }
    command = [sys.executable, "-m", "inbox"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Session]:
    """Run an inbox with keys of its own and the project's runbooks; return a session with it once it is well."""
    secrets = folder / "secrets"
    credentials.make_missing(secrets)
    port = str(free_ports(["INBOX_PORT"])["INBOX_PORT"])
    defaults = {
        "INBOX_HOST": "127.0.0.1",
        "INBOX_PORT": port,
        "INBOX_DATABASE": str(folder / "inbox.sqlite3"),
        "INBOX_RUNBOOKS": str(ROOT / "docs" / "runbooks"),
        "INBOX_LINKS": f"http://127.0.0.1:{port}",
        **{name: str(secrets / file) for name, file in _KEY_FILES.items()},
    }
    session = Session(f"http://127.0.0.1:{port}")
    health = Probe(
        "health of an inbox", f"{session.address}/health", lambda: session.json("/health")["status"]
    )
    with process({**defaults, **settings}) as running:
        eventually(
            health,
            equals("ok"),
            within=30,
            give_up=lambda: running.stdout.read() if running.poll() is not None and running.stdout else None,
        )
        yield session
