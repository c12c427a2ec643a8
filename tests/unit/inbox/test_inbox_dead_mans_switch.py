"""The Watchdog's silence is an alarm of the inbox's own, and its return an all-clear."""

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from inbox.app import create_app
from inbox.dead_mans_switch import DeadMansSwitch
from inbox.failures import Failures
from inbox.intake import Intake
from inbox.metrics import Metrics
from inbox.notifications import Notification, Received
from inbox.settings import Settings
from inbox.store import Filter, Store

PATIENCE, START = 300.0, 60.0


@dataclass
class World:
    """An inbox's store and its switch, at a time that the test sets."""

    file: Path
    now: float = 1000.0
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Open the file as a new process would."""
        self.store = Store(self.file, keep=100, clock=lambda: self.now)
        self.switch = DeadMansSwitch(
            Intake(self.store, self.metrics, Failures()),
            patience=PATIENCE,
            start=START,
            links="http://links.test/",
            clock=lambda: self.now,
        )

    def look(self, after: float) -> list[Notification]:
        """Let time pass, look, and return what the switch ever said."""
        self.now += after
        asyncio.run(self.switch.look())
        return list(asyncio.run(self.store.read(Filter(receiver="dead-mans-switch"))))

    def hear(self) -> None:
        """Receive the Watchdog now."""
        heard = Received(
            receiver="watchdog",
            kind="alertmanager",
            status="firing",
            alertname="Watchdog",
            severity="none",
            about="",
            key="w",
            summary="",
            links={},
            payload={},
        )
        asyncio.run(self.store.add(heard))

    def may_write(self, *, allowed: bool) -> None:
        """Let the store write, or refuse it, as a full disk does."""
        pragma = f"PRAGMA query_only = {'OFF' if allowed else 'ON'}"
        asyncio.run(self.store._run(lambda: self.store._connection.execute(pragma)))

    def metric(self, name: str) -> float:
        """Read one value as Prometheus would."""
        line = next(one for one in self.metrics.page().decode().splitlines() if one.startswith(name + " "))
        return float(line.split()[1])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "inbox.sqlite3")
    yield made
    made.store.close()


def test_a_watchdog_that_is_heard_in_time_raises_nothing(world: World) -> None:
    for _ in range(10):
        world.hear()
        assert world.look(after=PATIENCE - 1) == []
    assert world.metric("inbox_watchdog_silent") == 0


def test_silence_is_raised_once_and_says_what_it_means(world: World) -> None:
    world.hear()
    world.look(after=START + PATIENCE + 1)
    [raised] = world.look(after=1000)

    assert (raised.status, raised.severity, raised.alertname) == ("firing", "critical", "Watchdog")
    assert "not been heard" in raised.summary
    assert "no alert reaches anyone" in raised.summary
    assert raised.links["runbook"] == "http://links.test/runbooks/Watchdog"
    assert world.metric("inbox_watchdog_silent") == 1
    assert world.metric("inbox_watchdog_heard_timestamp_seconds") == 1000.0


def test_the_first_heartbeat_after_it_is_the_all_clear(world: World) -> None:
    world.look(after=START + PATIENCE + 1)
    world.now += 1
    world.hear()

    assert [one.status for one in world.look(after=1)] == ["firing", "resolved"]
    assert [one.status for one in world.look(after=1)] == ["firing", "resolved"]
    assert world.metric("inbox_watchdog_silent") == 0


def test_a_stack_that_starts_is_given_its_time_and_no_more(world: World) -> None:
    assert world.look(after=START + PATIENCE - 1) == []
    assert len(world.look(after=2)) == 1


def test_a_restart_in_the_silence_neither_forgets_nor_repeats_the_alarm(world: World) -> None:
    world.look(after=START + PATIENCE + 1)
    world.store.close()
    world.restart()

    assert [one.status for one in world.look(after=1)] == ["firing"]
    assert [one.status for one in world.look(after=10_000)] == ["firing"]


def test_while_nothing_can_be_kept_the_silence_is_measured_and_raised_as_soon_as_it_can(world: World) -> None:
    """A full disk is what silences Prometheus and Alertmanager, too."""
    world.may_write(allowed=False)
    with pytest.raises(sqlite3.OperationalError):
        world.look(after=START + PATIENCE + 1)
    assert world.metric("inbox_watchdog_silent") == 1

    world.may_write(allowed=True)
    assert [one.status for one in world.look(after=1)] == ["firing"]


def test_a_look_that_fails_is_said_and_ends_no_watching(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Exception | None] = [sqlite3.OperationalError("database or disk is full"), None]

    async def look() -> None:
        if not looks:
            raise asyncio.CancelledError
        if error := looks.pop(0):
            raise error

    monkeypatch.setattr(world.switch, "look", look)
    monkeypatch.setattr(world.switch, "_patience", 0.0)
    with capture_logs() as lines, pytest.raises(asyncio.CancelledError):
        asyncio.run(world.switch.watch())

    assert looks == []
    assert [(line["event"], line["log_level"]) for line in lines] == [("watchdog_not_judged", "error")]


def test_the_running_inbox_looks_by_itself(settings: Settings) -> None:
    hasty = settings.model_copy(update={"watchdog_patience": 0.05, "watchdog_start_seconds": 0.0})
    with TestClient(create_app(hasty)) as inbox:
        answer = inbox.get("/api/v1/incidents").json()
        for _ in range(500):
            if answer["incidents"]:
                break
            answer = inbox.get("/api/v1/incidents").json()

        [incident] = answer["incidents"]
        assert (incident["alertname"], incident["state"]) == ("Watchdog", "firing")
        assert "inbox_watchdog_silent 1.0" in inbox.get("/metrics").text
