"""A fault is healed whatever happens, takes the containers it names, and never touches somebody else's stack."""

from __future__ import annotations

from types import SimpleNamespace

import docker
import pytest

from harness.eventually import Unmet
from harness.faults import Faults, inflicting
from unit.harness.engines import FakeContainer, FakeStack

HEALS = {"stopped": "start", "killed": "start", "paused": "unpause"}
every_fault = pytest.mark.parametrize("kind", HEALS)


@pytest.fixture
def worker() -> list[FakeContainer]:
    """A service of two containers."""
    return [FakeContainer("worker", 1), FakeContainer("worker", 2)]


@pytest.fixture
def api() -> FakeContainer:
    """A service of one."""
    return FakeContainer("api", 1)


@pytest.fixture
def faults(api: FakeContainer, worker: list[FakeContainer]) -> Faults:
    """Faults of a private stack of three containers."""
    stack = FakeStack(api, *worker)
    faults = Faults(stack)
    faults.__dict__["client"] = stack.engine
    return faults


@every_fault
def test_a_fault_is_in_force_in_the_body_and_healed_after_it(
    kind: str, faults: Faults, api: FakeContainer
) -> None:
    with getattr(faults, kind)("api") as (fault,):
        assert api.status != "running"
    assert api.status == "running"
    assert fault.at <= fault.at + fault.seconds <= fault.healed_at


@every_fault
def test_a_fault_is_healed_when_the_body_raises(kind: str, faults: Faults, api: FakeContainer) -> None:
    with pytest.raises(ZeroDivisionError), getattr(faults, kind)("api"):
        raise ZeroDivisionError
    assert api.status == "running"
    assert api.orders[-1] == HEALS[kind]


@every_fault
def test_every_container_of_a_service_is_taken(
    kind: str, faults: Faults, worker: list[FakeContainer]
) -> None:
    with getattr(faults, kind)("worker") as (fault,):
        assert [one.status for one in worker] == [worker[0].status] * 2 != ["running"] * 2
        assert fault.service == "worker"
    assert [one.status for one in worker] == ["running"] * 2


@every_fault
def test_one_container_of_a_service_is_taken_by_its_number(
    kind: str, faults: Faults, worker: list[FakeContainer]
) -> None:
    with getattr(faults, kind)("worker", number=2):
        assert worker[0].orders == []
        assert worker[1].status != "running"


def test_what_was_broken_is_healed_when_a_later_order_fails(
    faults: Faults, api: FakeContainer, worker: list[FakeContainer]
) -> None:
    worker[1].refuses = "stop"
    with pytest.raises(docker.errors.APIError, match="worker does not stop"), faults.stopped("worker", "api"):
        pytest.fail("the body must not run under half a fault")
    assert [one.status for one in (api, *worker)] == ["running"] * 3


def test_one_that_cannot_be_healed_keeps_no_other_from_it(
    faults: Faults, api: FakeContainer, worker: list[FakeContainer]
) -> None:
    worker[0].refuses = "start"
    with pytest.raises(Unmet, match="are lost"), faults.killed("api", "worker"):
        pass
    assert [api.status, worker[1].status] == ["running"] * 2


def test_who_is_still_away_by_an_outer_fault_is_not_waited_for(faults: Faults, api: FakeContainer) -> None:
    with faults.stopped("api"):
        with faults.paused("worker"):
            pass
        assert api.status == "exited"


def test_the_outer_of_two_faults_of_one_service_still_counts(faults: Faults) -> None:
    with faults.paused("worker", number=1):
        with faults.paused("worker", number=2):
            pass
        assert faults.away == ["worker"]
    assert faults.away == []


def test_a_restart_returns_when_all_is_well(faults: Faults, api: FakeContainer) -> None:
    (fault,) = faults.restart("api")
    assert api.orders == ["stop", "start"]
    assert str(fault) == "api restarted"


@pytest.mark.parametrize(
    ("healthcheck", "command"),
    [(["CMD", "ask", "it"], ["ask", "it"]), (["CMD-SHELL", "ask | it"], ["/bin/sh", "-c", "ask | it"])],
)
def test_who_starts_is_asked_itself_until_it_is_healthy(
    healthcheck: list[str], command: list[str], faults: Faults, api: FakeContainer
) -> None:
    """Docker would have asked a whole interval later."""
    api.health, api.healthcheck, api.answers = "starting", healthcheck, [1, 0]
    faults.restart("api")
    assert api.asked == [command] * 2


def test_all_containers_of_a_service_must_be_healthy(
    faults: Faults, worker: list[FakeContainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflicting, "_RECOVERY", 0.0)
    for one in worker:
        one.health = "starting"
    worker[0].answers = [0] * 9
    with pytest.raises(Unmet, match=r"not well: worker running \(starting\)"):
        faults.restart("worker")


def test_who_is_away_is_not_asked(faults: Faults, api: FakeContainer) -> None:
    api.health = "starting"
    with faults.stopped("api"):
        faults.restart("worker")
        assert api.asked == []
        api.health = ""


def test_a_service_without_containers_is_named(faults: Faults) -> None:
    with (
        pytest.raises(ValueError, match="has no container of worker number 3"),
        faults.killed("worker", number=3),
    ):
        pass


def test_a_stack_that_is_not_private_cannot_be_broken() -> None:
    with pytest.raises(ValueError, match="somebody's own"):
        Faults(SimpleNamespace(private=False))
