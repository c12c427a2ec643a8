"""`make rules` on a running stack: every alert with its state now."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING

from prometheus.src import table
from rich.console import Console

from harness.eventually import Probe, eventually
from harness.expectations import equals

if TYPE_CHECKING:
    from harness.stack import Stack

STATES = {"inactive", "pending", "firing"}


def test_the_table_has_the_state_of_every_alert(stack: Stack) -> None:
    address = stack.environment.address("PROMETHEUS_PORT")

    def watchdog() -> str:
        return table.states_of(address).get("Watchdog", "absent")

    eventually(Probe("state of the Watchdog", f"{address}/alerts", watchdog), equals("firing"), within=60)
    page = StringIO()
    table.show(stack.environment, Console(file=page, width=600, color_system=None))

    shown = dict(re.findall(r"^│ (\S+(?: \(\S+\))?) +│ (\S+) +│", page.getvalue(), re.MULTILINE))
    assert {table.key(rule) for rule in table.alerting_rules()} <= shown.keys()
    assert {alert: state for alert, state in shown.items() if state not in {*STATES, "state"}} == {}
    assert shown["Watchdog"] == "firing"
    print(page.getvalue())  # noqa: T201 - what a person sees; with -s or after a failure
