"""When a container counts as ready, and when waiting longer will not help."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
from launcher.containers import State, anon_memory, cpu_seconds

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


@pytest.mark.parametrize("stats", [{"anon": 7, "file": 9}, {"total_rss": 7, "rss": 3, "cache": 9}])
def test_memory_is_what_is_held_under_either_cgroup_version(stats: dict[str, int]) -> None:
    container = Mock()
    container.stats.return_value = {"memory_stats": {"usage": 99, "stats": stats}}

    assert anon_memory(container) == 7


def test_cpu_time_is_counted_in_seconds_of_one_core() -> None:
    container = Mock()
    container.stats.return_value = {"cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}}}
    assert cpu_seconds(container) == 2.5
