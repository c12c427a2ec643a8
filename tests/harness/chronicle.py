"""A timeline for every test that breaks something, without a word in the test.

Told when the test has ended, and once more when all have: an all-clear may come long after its fault was healed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from harness.eventually import Probe, eventually
from harness.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.clients.inbox import Inbox
    from harness.clients.prometheus import Prometheus
    from harness.faults import Fault
    from harness.timeline import Stage, Timelines


@dataclass
class Chronicle:
    """What was broken in one run, and what came of it."""

    healed: Sequence[Fault]  # grows as the tests go on
    prometheus: Prometheus
    inbox: Inbox
    timelines: Timelines
    written: dict[str, Timeline] = field(default_factory=dict)
    _told: int = 0

    def test_ended(self, test: str) -> bool:
        """Tell what a test has broken; return whether it broke anything."""
        faults = list(self.healed[self._told :])
        if not faults:
            return False
        self._told += len(faults)

        def read() -> Timeline:
            now, timeline = time.time(), Timeline(f"{test}: {_named(faults)}")
            for fault in faults:
                timeline.fault(fault)
            timeline.everything(self.prometheus, until=now)
            self._notified(timeline, until=now)
            return timeline

        # Prometheus or the inbox may be what was broken
        probe = Probe(f"what came of {_named(faults)}", self.prometheus.address, read)
        self.written[test] = timeline = eventually(probe, within=30)
        self.timelines.keep(timeline)
        return True

    def run_ended(self) -> None:
        """Tell what no test has waited for, and add the all-clears that came later."""
        self.test_ended("after all tests")
        for timeline in self.written.values():
            self._notified(timeline, until=time.time())
            self.timelines.write(timeline)

    def _notified(self, timeline: Timeline, *, until: float) -> None:
        """Note the first message of each kind about each alert that this fault has made fire."""
        since = timeline.at("fault")
        fired = {mark.what for mark in timeline.marks if mark.stage == "firing"}
        known = {(mark.stage, mark.what) for mark in timeline.marks}
        for one in self.inbox.notifications(since=since or 0.0).now():
            stage: Stage = "notified" if one.status == "firing" else "resolved"
            what = f"{one.alertname} at {one.receiver}"
            if one.alertname in fired and one.received_at <= until and (stage, what) not in known:
                timeline.mark(stage, one.received_at, what)
                known.add((stage, what))


def short(node_id: str) -> str:
    """Name a test as a title does: its file and itself, without folders and endings."""
    file, _, test = node_id.partition("::")
    return f"{PurePath(file).stem}, {test}"


def _named(faults: Sequence[Fault]) -> str:
    names = [str(fault) for fault in faults]
    return ", ".join(
        name + (f" ({names.count(name)} times)" if names.count(name) > 1 else "")
        for name in dict.fromkeys(names)
    )
