"""Who the users are: tenants who ask for runs of their automations and read what became of them.

Open to `locust -f loadtests/locustfile.py` as well; `python -m loadtests` gives it the address and the settings.
"""

from __future__ import annotations

import random
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]  # locust imports this file by its path

from locust import FastHttpUser, constant_throughput, events, task  # noqa: E402

from harness.traceparent import Traceparent  # noqa: E402
from loadtests import gates, settings  # noqa: E402
from loadtests.shapes import Steady  # noqa: E402

if TYPE_CHECKING:
    from locust.env import Environment

__all__ = ["Operations", "Steady"]

RUN = settings.Settings.from_environment()
REQUESTS_OF_A_TURN = 2
AUTOMATIONS = {"acme": (1001, 1002, 1003), "techco": (2001, 2002, 2003), "retailx": (3001, 3002, 3003)}
_KEYS = {name: settings.stores().tenant_key(name) for name in AUTOMATIONS}
_NUMBER = count(1)


class Operations(FastHttpUser):
    """Somebody at a tenant who runs an automation and looks at the outcome, at an even pace."""

    host = settings.addresses().api
    wait_time = constant_throughput(RUN.rate / RUN.users / REQUESTS_OF_A_TURN)
    connection_timeout = 5.0
    network_timeout = 10.0

    def on_start(self) -> None:
        """Belong to one tenant, as people do."""
        self.tenant = random.choice(sorted(AUTOMATIONS))

    @task
    def run_an_automation(self) -> None:
        """Ask for a run; read its outcome once, finished or not."""
        if self.environment.shape_class.is_over:
            return
        automation = random.choice(AUTOMATIONS[self.tenant])
        path = f"/api/v1/automations/{automation}/execute"
        answer = self._send("POST", path, name=gates.EXECUTE)
        where = answer.headers.get("Location") if answer.headers else None
        if answer.status_code == gates.ACCEPTED and where:
            self._send("GET", where, name=gates.OUTCOME)

    def _send(self, method: str, path: str, *, name: str) -> Any:  # noqa: ANN401 - locust's own response
        gates.SENT.count(name)
        headers = {
            "Authorization": f"Bearer {_KEYS[self.tenant]}",
            "traceparent": Traceparent.new(prefix=RUN.run_id).header,
            "X-Request-ID": f"load-{RUN.run_id}-{next(_NUMBER)}",
        }
        return self.client.request(method, path, name=name, headers=headers)


@events.init.add_listener
def _judge(environment: Environment, **_: object) -> None:
    gates.install(environment, RUN)
