"""Faults: off unless allowed, behind their own key, seen in every signal, and over by themselves."""
# ruff: noqa: D102 - the doubled class describes its methods

import asyncio
import contextlib
import os
import re
import signal
from dataclasses import dataclass, field
from time import time

import pytest
from launcher.environment import ROOT
from opentelemetry.trace import Tracer
from redis.exceptions import ConnectionError as BrokerAway
from starlette.testclient import TestClient

from sample_app.application import Watch, make_public_app
from sample_app.faults import tasks
from sample_app.faults.actors import Actors, Faults, Reach
from sample_app.faults.catalogue import (
    ALL,
    LONGEST_SECONDS,
    CacheMisses,
    Fault,
    Latency,
    QueuePileUp,
    SignalHealth,
    TasksDie,
    TasksFail,
    meets,
)
from sample_app.faults.requests import InjectedError
from sample_app.faults.switchboard import Active, AsyncSwitchboard, Switches, SyncSwitchboard, _encode
from sample_app.settings import Settings
from unit.sample_app.doubles import ACME, EXECUTE, INTERNAL, App

PAGE = (ROOT / "docs" / "how-to" / "break-things.md").read_text()
SABOTEUR = {"Authorization": "Bearer key-faults"}


@dataclass
class Keys:
    """A broker's keys in a dictionary; can be away."""

    values: dict[str, bytes] = field(default_factory=dict)
    expiries: dict[str, int] = field(default_factory=dict)
    away: bool = False
    asked: int = 0

    def get_many(self, keys: list[str]) -> list[bytes | None]:
        self.asked += 1
        if self.away:
            raise BrokerAway
        return [self.values.get(key) for key in keys]

    async def mget(self, keys: list[str]) -> list[bytes | None]:
        return self.get_many(keys)

    async def set(self, key: str, value: bytes, *, px: int) -> None:
        if self.away:
            raise BrokerAway
        self.values[key] = value
        self.expiries[key] = px

    async def delete(self, *keys: str) -> None:
        if self.away:
            raise BrokerAway
        for key in keys:
            self.values.pop(key, None)


@dataclass
class SyncKeys:
    """The same, for a worker."""

    keys: Keys

    def mget(self, keys: list[str]) -> list[bytes | None]:
        return self.keys.get_many(keys)


@dataclass
class Pressed:
    """A cache that notes what is asked of it."""

    asked: list[list[str]] = field(default_factory=list)
    pressed: asyncio.Event = field(default_factory=asyncio.Event)

    async def mget(self, keys: list[str]) -> None:
        self.asked.append(keys)
        self.pressed.set()


class On(Switches):
    """Faults that are simply on."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__()
        self._active = {fault.name: Active(fault, time() + fault.seconds) for fault in faults}


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def board(keys: Keys) -> AsyncSwitchboard:
    return AsyncSwitchboard(keys)  # type: ignore[arg-type]


@pytest.fixture
def client(app: App, board: AsyncSwitchboard, settings: Settings, tracer: Tracer) -> TestClient:
    """The public application as it is where faults are allowed; its signals end where `app` has its own."""
    platform = app.client.app.state.platform  # type: ignore[attr-defined]
    reach = Reach(engine=None, cache=Pressed(), celery=None, switchboard=board)  # type: ignore[arg-type]
    watch = Watch.with_tracer(tracer)
    return TestClient(
        make_public_app(settings, platform, watch, Faults(board, Actors(reach), "key-faults")),
        raise_server_exceptions=False,
    )


def test_where_faults_are_off_there_is_no_switch(app: App) -> None:
    assert app.client.put("/internal/faults/latency", json={}, headers=SABOTEUR).status_code == 404


@pytest.mark.parametrize("headers", [{}, ACME, INTERNAL])
def test_the_switches_want_a_key_of_their_own(client: TestClient, headers: dict[str, str]) -> None:
    assert client.put("/internal/faults/latency", json={}, headers=headers).status_code == 401
    assert client.post("/internal/faults/crash", headers=headers).status_code == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_while_the_broker_is_away_nothing_is_switched_and_it_is_503(
    method: str, client: TestClient, keys: Keys, app: App
) -> None:
    keys.away = True
    path = "/internal/faults" if method == "GET" else "/internal/faults/latency"

    answer = client.request(method, path, json={} if method == "PUT" else None, headers=SABOTEUR)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "The broker does not answer" in answer.json()["detail"]
    assert keys.values == {}
    assert app.errors.events == []


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_every_fault_ends_by_itself_in_time(kind: type[Fault], client: TestClient, keys: Keys) -> None:
    parameters = {"tenant_id": "acme"} if kind is SignalHealth else {}
    too_long = {**parameters, "seconds": LONGEST_SECONDS + 1}
    assert client.put(f"/internal/faults/{kind.name}", json=too_long, headers=SABOTEUR).status_code == 422

    answer = client.put(f"/internal/faults/{kind.name}", json=parameters, headers=SABOTEUR)

    assert answer.status_code == 200
    assert keys.expiries == {f"stratum:fault:{kind.name}": 60_000}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("latency", {"milliseconds": 60_000}),
        ("errors", {"share": 1.5}),
        ("connections", {"count": 1_000_000}),
        ("signal-health", {}),
        ("errors", {"sahre": 0.5}),
    ],
)
def test_a_fault_out_of_bounds_is_refused(
    name: str, parameters: dict[str, object], client: TestClient
) -> None:
    assert client.put(f"/internal/faults/{name}", json=parameters, headers=SABOTEUR).status_code == 422


def test_an_unknown_fault_is_refused_with_the_names_of_those_there_are(client: TestClient) -> None:
    answer = client.delete("/internal/faults/gremlins", headers=SABOTEUR)

    assert answer.status_code == 404
    assert "latency" in answer.json()["detail"]


def test_what_is_on_is_listed_and_can_be_healed(client: TestClient) -> None:
    client.put("/internal/faults/latency", json={"milliseconds": 1}, headers=SABOTEUR)
    client.put("/internal/faults/errors", json={"share": 1}, headers=SABOTEUR)

    def names() -> set[str]:
        return {one["name"] for one in client.get("/internal/faults", headers=SABOTEUR).json()["faults"]}

    assert names() == {"latency", "errors"}
    client.delete("/internal/faults/latency", headers=SABOTEUR)
    assert names() == {"errors"}
    client.delete("/internal/faults", headers=SABOTEUR)
    assert names() == set()


def test_an_injected_error_is_a_crash_in_every_signal(client: TestClient, app: App) -> None:
    client.put("/internal/faults/errors", json={"share": 1}, headers=SABOTEUR)

    answer = client.post(EXECUTE, headers=ACME)

    assert answer.status_code == 500
    assert [line["status_code"] for line in app.lines.named("api_request") if line["method"] == "POST"] == [
        500
    ]
    assert [event["exception"]["values"][-1]["type"] for event in app.errors.events] == ["InjectedError"]


@pytest.mark.parametrize("path", ["/health/ready", "/internal/canary/error"])
def test_a_fault_of_requests_spares_all_but_tenants(path: str, client: TestClient) -> None:
    client.put("/internal/faults/errors", json={"share": 1}, headers=SABOTEUR)

    assert client.get(path).status_code in {200, 405}


def test_a_healed_fault_hurts_nobody(client: TestClient) -> None:
    client.put("/internal/faults/errors", json={"share": 1}, headers=SABOTEUR)
    client.delete("/internal/faults/errors", headers=SABOTEUR)

    assert client.post(EXECUTE, headers=ACME).status_code == 202


def test_a_fault_ends_at_its_time_although_the_broker_is_away(keys: Keys) -> None:
    over = Active(TasksFail(seconds=1), time() - 0.001)
    keys.values["stratum:fault:tasks-fail"] = _encode(over)
    board = SyncSwitchboard(SyncKeys(keys))  # type: ignore[arg-type]

    assert board.get(TasksFail) is None


def test_a_worker_sees_what_the_api_switched_and_does_not_ask_every_time(
    keys: Keys, board: AsyncSwitchboard
) -> None:
    asyncio.run(board.on(TasksFail(share=1)))
    worker = SyncSwitchboard(SyncKeys(keys))  # type: ignore[arg-type]
    before = keys.asked

    assert worker.get(TasksFail) == TasksFail(share=1)
    assert worker.get(Latency) is None
    assert keys.asked == before + 1


def test_a_fault_that_another_release_wrote_is_not_on_and_hides_no_other(keys: Keys) -> None:
    until = time() + 60
    keys.values["stratum:fault:tasks-fail"] = b'{"fault": {"share": "most"}, "until": 9e9}'
    keys.values["stratum:fault:latency"] = _encode(Active(Latency(seconds=60), until))
    board = SyncSwitchboard(SyncKeys(keys))  # type: ignore[arg-type]

    assert board.get(TasksFail) is None
    assert board.get(Latency) is not None


def test_a_worker_lives_on_without_the_broker(keys: Keys) -> None:
    keys.away = True

    assert SyncSwitchboard(SyncKeys(keys)).get(TasksFail) is None  # type: ignore[arg-type]


def test_a_failing_task_raises() -> None:
    with pytest.raises(InjectedError):
        tasks.before_task(On(TasksFail(share=1)))


def test_a_dying_task_kills_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *arguments: killed.append(arguments))

    tasks.before_task(On(TasksDie(share=1)))

    assert killed == [(os.getpid(), signal.SIGKILL)]


def test_only_the_tenant_named_looks_ill() -> None:
    ill = On(SignalHealth(tenant_id="acme", score=12))

    assert tasks.signal_health(ill, "acme") == 12
    assert tasks.signal_health(ill, "techco") is None
    assert tasks.signal_health(Switches(), "acme") is None


def test_ballast_weighs_nothing_once_the_pile_up_is_over() -> None:
    waits: list[float] = []

    class Patience:
        def wait(self, seconds: float) -> None:
            waits.append(seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "_PATIENCE", Patience())
        tasks.carry_ballast(Switches())
        assert waits == []
        tasks.carry_ballast(On(QueuePileUp()))

    assert sum(waits) == pytest.approx(5)


def test_an_actor_stops_when_its_fault_is_switched_off(board: AsyncSwitchboard) -> None:
    cache = Pressed()

    async def act() -> None:
        watch = asyncio.create_task(board.watch())
        actors = Actors(Reach(engine=None, cache=cache, celery=None, switchboard=board))  # type: ignore[arg-type]
        actors.start(await board.on(CacheMisses(per_second=4)))
        await cache.pressed.wait()
        await board.off("cache-misses")
        await asyncio.wait_for(asyncio.gather(*actors._running.values()), 30)
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch

    asyncio.run(act())

    assert all(key.startswith("fault:absent:") for keys in cache.asked for key in keys)


@pytest.mark.parametrize("share", [0.01, 0.06, 0.2, 0.5])
def test_a_share_is_met_evenly_and_not_in_step_with_what_is_asked_in_turn(share: float) -> None:
    """Within every stretch of a hundred strikes' worth of turns, to one in ten; and so for each of four kinds in turn."""
    turns = round(100 / share)
    struck = [meets(share) for _ in range(4 * turns)]
    stretches = [struck[begin : begin + turns] for begin in range(0, 4 * turns, turns)]
    kinds = [struck[kind::4] for kind in range(4)]
    assert all(90 <= sum(some) <= 110 for some in (*stretches, *kinds))


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.name)
def test_the_page_about_breaking_things_has_every_fault_and_what_it_takes(fault: type[Fault]) -> None:
    [row] = [line for line in PAGE.splitlines() if line.startswith("| `") and f"`{fault.name}`" in line]
    own = fault.model_fields.keys() - Fault.model_fields.keys()
    assert own <= set(re.findall(r"`(\w+)`", row))
