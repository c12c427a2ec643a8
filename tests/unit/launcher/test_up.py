"""Waiting for the stack: what ends it, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
from launcher import up
from launcher.containers import State
from launcher.environment import Environment
from launcher.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def state(service: str, **changes: str | int) -> State:
    container = Mock()
    container.logs.return_value = b"the last line"
    fields = {"status": "running", "health": "healthy", "exit_code": 0, "restarts": 0, **changes}
    return State(service=service, image="i", image_id="sha256:1", container=container, **fields)  # type: ignore[arg-type]


class LateWatch(up.Watch):
    """A quarter of an hour has passed: images were built."""

    def seconds(self) -> float:
        """Seconds since the command began."""
        return 900 + super().seconds()


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment.for_project("stratum-test-1", folder=tmp_path)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "_LOOK_EVERY", 0.001)
    monkeypatch.setattr(up, "_READY_WITHIN", 0.05)


def observed(monkeypatch: pytest.MonkeyPatch, *looks: dict[str, State]) -> None:
    """What each look at the engine shows; the last one stays."""
    queue = list(looks)
    monkeypatch.setattr(
        up.containers, "of_project", lambda _, **__: queue.pop(0) if len(queue) > 1 else queue[0]
    )


def test_a_long_build_does_not_use_up_the_patience(
    monkeypatch: pytest.MonkeyPatch, environment: Environment
) -> None:
    monkeypatch.setattr(up, "_READY_WITHIN", 60)
    observed(monkeypatch, {"api": state("api", health="starting")}, {"api": state("api")})
    watch = LateWatch()

    found, evidence = up.wait_until_proved(environment, watch, Mock(), lambda: ["proof"])  # type: ignore[list-item]

    assert found["api"].is_ready
    assert evidence == ["proof"]
    assert watch.ready_after["api"] >= 900


def test_what_is_not_ready_in_time_is_named_with_its_last_lines(
    monkeypatch: pytest.MonkeyPatch, environment: Environment
) -> None:
    observed(monkeypatch, {"api": state("api", health="starting")})

    with pytest.raises(
        Problem, match=r"api is starting; its last lines:\n    the last line\n  -> `make logs S=api`"
    ):
        up.wait_until_proved(environment, up.Watch(), Mock(), list)


def test_volumes_that_know_other_passwords_are_named_as_the_cause(
    monkeypatch: pytest.MonkeyPatch, environment: Environment
) -> None:
    failed = state("migrate", status="exited", health="", exit_code=1)
    refusal = b'FATAL:  password authentication failed for user "stratum_owner"'
    monkeypatch.setattr(failed.container, "logs", lambda **_: refusal)
    observed(monkeypatch, {"migrate": failed})

    with pytest.raises(Problem, match=r"volumes of project stratum-test-1 .* other secrets.*make clean"):
        up.wait_until_proved(environment, up.Watch(), Mock(), list)


def test_a_container_that_failed_ends_the_wait_at_once(
    monkeypatch: pytest.MonkeyPatch, environment: Environment
) -> None:
    monkeypatch.setattr(up, "_READY_WITHIN", 3600)
    observed(monkeypatch, {"migrate": state("migrate", status="exited", health="", exit_code=1)})

    with pytest.raises(Problem, match=r"migrate is exited \(1\)"):
        up.wait_until_proved(environment, up.Watch(), Mock(), list)


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch, environment: Environment) -> set[str]:
    """The ports that were looked at, on a machine where nothing runs."""
    seen: set[str] = set()
    environment.prepare()
    observed(monkeypatch, {})
    monkeypatch.setattr(up.preflight, "check_memory", lambda: None)
    monkeypatch.setattr(up.preflight, "check_ports", lambda ports, **_: seen.update(ports))
    return seen


def test_no_port_is_wanted_for_what_is_left_out(checked: set[str], environment: Environment) -> None:
    up._check_room(environment)
    assert "API_PORT" in checked
    assert "GRAFANA_PORT" not in checked

    environment.change_setting("COMPOSE_PROFILES", "grafana")
    up._check_room(environment)
    assert "GRAFANA_PORT" in checked


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Say where the project's containers were started from."""

    def set_home(path: str) -> None:
        found = state("api")
        found.container.labels = {"com.docker.compose.project.working_dir": path}
        monkeypatch.setattr(up.containers, "every_one", lambda _: [found])

    return set_home


def test_what_this_checkout_runs_is_its_own(home: Callable[[str], None], environment: Environment) -> None:
    home(str(environment.root))
    up.refuse_anothers(environment)


def test_what_another_checkout_runs_is_left_alone(
    home: Callable[[str], None], environment: Environment, tmp_path: Path
) -> None:
    home(str(tmp_path))
    with pytest.raises(Problem, match=rf"stratum-test-1 was started from {tmp_path}\n.*COMPOSE_PROJECT_NAME"):
        up.refuse_anothers(environment)


def test_a_checkout_that_was_moved_is_told_the_way_out(
    home: Callable[[str], None], environment: Environment
) -> None:
    home("/gone/stratum")
    with pytest.raises(
        Problem, match=r"was started from /gone/stratum\n.*moved.*--project-name stratum-test-1"
    ):
        up.refuse_anothers(environment)


@pytest.mark.parametrize("starts", [True, False])
def test_only_a_start_needs_room_and_the_project_for_itself(
    starts: bool,  # noqa: FBT001 - a parameter of the test
    monkeypatch: pytest.MonkeyPatch,
    environment: Environment,
) -> None:
    """Tests run on ports of their own, whoever has the usual ones."""
    wanted: list[str] = []
    for module, name in (
        (up.engine, "ensure"),
        (up.images, "ensure"),
        (up.images, "Present"),
        (up.preflight, "check_disk"),
        (up.configs, "check_all"),
        (up, "_leave_out_what_cannot_be_had"),
    ):
        monkeypatch.setattr(module, name, Mock())
    monkeypatch.setattr(up.images, "of_project", lambda *_, **__: [])
    monkeypatch.setattr(up, "images_by_service", lambda _: {})
    monkeypatch.setattr(up, "refuse_anothers", lambda _: wanted.append("the project"))
    monkeypatch.setattr(up, "_check_room", lambda _: wanted.append("room"))

    up.prepare(environment, Mock(), starts=starts)

    assert wanted == (["the project", "room"] if starts else [])
