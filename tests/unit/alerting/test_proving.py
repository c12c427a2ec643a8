"""Ctrl-C ends a run of the schedule at once: faults are healed, none is inflicted any more, and no alert is waited for."""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, NoReturn
from unittest.mock import MagicMock

import pytest

from alerting import proving
from alerting.proving import Proving
from alerting.schedule import Act, Step
from harness.clients.inbox import Notifications
from harness.eventually import Probe

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.timeout(20)  # uncompressed, the alert that is waited for has minutes to come
def test_an_interrupted_run_heals_and_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, happened = Event(), []

    @contextmanager
    def inflict(name: str, _world: object) -> Iterator[float]:
        happened.append(f"{name}: inflicted")
        begun.set()
        yield time.time()
        happened.append(f"{name}: healed")

    def interrupted(_steps: object) -> NoReturn:
        assert begun.wait(10)
        raise KeyboardInterrupt

    injections = {name: partial(inflict, name) for name in ("bad signals", "tasks fail")}
    monkeypatch.setattr(proving, "INJECTIONS", injections)
    monkeypatch.setattr(proving, "wait", interrupted)
    world = MagicMock()
    world.stack.factor = 1
    world.loaded.return_value = "up < 1"
    world.inbox.notifications.return_value = Probe("messages", "inbox", lambda: Notifications(()))
    act = Act("what is interrupted", (Step("bad signals"), Step("tasks fail", after=("bad signals",))))
    run = Proving.of(world, (act,), print)

    with pytest.raises(KeyboardInterrupt):
        run.run(frozenset({"bad signals", "tasks fail"}))
    assert happened == ["bad signals: inflicted", "bad signals: healed"]
    assert "the run was interrupted" in run.proofs["SignalHealthDegraded"].trouble
