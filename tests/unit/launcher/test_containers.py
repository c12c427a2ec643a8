"""When a container counts as ready, and when waiting longer will not help."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
from docker.errors import APIError
from launcher import containers
from launcher.containers import State, anon_memory, answers, cpu_seconds

HEALTHY = {"service": "api", "status": "running", "health": "healthy", "exit_code": 0, "restarts": 0}


def state(**changes: Any) -> State:  # noqa: ANN401 -- fields of State
    return State(**{**HEALTHY, **changes}, image="i", image_id="sha256:1", container=Mock())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"health": ""},  # without a healthcheck: probed from outside
        {"restarts": 5},  # it stumbled, long ago
        {"service": "migrate", "status": "exited", "health": ""},
    ],
)
def test_ready(changes: dict[str, Any]) -> None:
    assert state(**changes).is_ready
    assert not state(**changes).has_failed


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"health": "unhealthy"}, "unhealthy"),
        ({"status": "exited", "health": "", "exit_code": 137}, "exited (137)"),
        ({"status": "exited", "health": "", "exit_code": 0}, "exited (0)"),
        ({"status": "restarting", "health": ""}, "restarting"),
        ({"health": "starting", "restarts": 3}, "starting"),
        ({"service": "migrate", "status": "exited", "health": "", "exit_code": 1}, "exited (1)"),
    ],
)
def test_failed(changes: dict[str, Any], shown: str) -> None:
    assert state(**changes).has_failed
    assert not state(**changes).is_ready
    assert str(state(**changes)) == shown


@pytest.mark.parametrize(
    "changes",
    [{"health": "starting"}, {"status": "created", "health": ""}, {"service": "migrate", "health": ""}],
)
def test_neither_yet(changes: dict[str, Any]) -> None:
    assert not state(**changes).is_ready
    assert not state(**changes).has_failed


@pytest.mark.parametrize(
    ("healthcheck", "command"),
    [(["CMD", "ask", "it"], ["ask", "it"]), (["CMD-SHELL", "ask | it"], ["/bin/sh", "-c", "ask | it"])],
)
@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_container_is_asked_what_docker_would_ask_it(
    healthcheck: list[str], command: list[str], exit_code: int
) -> None:
    container = Mock(attrs={"Config": {"Healthcheck": {"Test": healthcheck}}})
    container.exec_run.return_value = exit_code, b""

    assert answers(container) is (exit_code == 0)
    container.exec_run.assert_called_once_with(command)


def test_a_container_that_has_just_ended_does_not_answer() -> None:
    container = Mock(attrs={"Config": {"Healthcheck": {"Test": ["CMD", "ask"]}}})
    container.exec_run.side_effect = APIError("is not running")

    assert not answers(container)


@pytest.mark.parametrize(
    ("changes", "answer", "ready"),
    [
        ({"health": "starting"}, 0, True),
        ({"health": "starting"}, 1, False),
        ({"health": "unhealthy"}, 0, False),
        ({"status": "restarting", "health": "starting"}, 0, False),
    ],
)
def test_only_who_starts_is_asked_and_only_if_that_is_wanted(
    changes: dict[str, Any],
    answer: int,
    ready: bool,  # noqa: FBT001 - a row of the table above
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = state(**changes)
    found.container.attrs = {"Config": {"Healthcheck": {"Test": ["CMD", "ask"]}}}
    found.container.exec_run.return_value = answer, b""  # type: ignore[attr-defined]
    monkeypatch.setattr(containers, "every_one", lambda _: [found])

    assert not containers.of_project("stratum")["api"].is_ready
    assert containers.of_project("stratum", asking=True)["api"].is_ready is ready


@pytest.mark.parametrize("stats", [{"anon": 7, "file": 9}, {"total_rss": 7, "rss": 3, "cache": 9}])
def test_memory_is_what_is_held_under_either_cgroup_version(stats: dict[str, int]) -> None:
    container = Mock()
    container.stats.return_value = {"memory_stats": {"usage": 99, "stats": stats}}

    assert anon_memory(container) == 7


def test_cpu_time_is_counted_in_seconds_of_one_core() -> None:
    container = Mock()
    container.stats.return_value = {"cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}}}
    assert cpu_seconds(container) == 2.5
