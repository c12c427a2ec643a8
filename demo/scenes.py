"""The three faults that are shown: what is broken, what its customers see of it, and where the explanation lies."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alerting.injections import INJECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from alerting.injections import World
    from harness.clients.api import Answer


@dataclass(frozen=True)
class Scene:
    """One fault."""

    title: str
    row: str
    """The rule that has to notice, by its row of `alerting.alert_faults`."""
    broken: str
    inflict: Callable[[World], AbstractContextManager[float]]
    customers: Callable[[World, list[Answer]], str]
    """What the answers that were given while it lasted say, in a customer's words; raises AssertionError if they noticed nothing."""
    line: str
    """The LogQL query of the lines that explain it; each carries a trace."""
    tracked: bool = True
    """Whether the error tracker is to know it: a service that is away is nobody's mistake in the code."""


@contextmanager
def _stopped_broker(world: World) -> Iterator[float]:
    with world.faults.stopped("redis-broker") as (fault,):
        yield fault.at


def _failed_requests(_world: World, answers: list[Answer]) -> str:
    failed = sum(answer.status >= 500 for answer in answers)
    assert failed, f"all of {len(answers)} requests went well"
    return f"{failed} of {len(answers)} requests failed ({_statuses(answers)})"


def _refused_politely(_world: World, answers: list[Answer]) -> str:
    refused = [answer for answer in answers if answer.status == 503]
    assert refused, f"none of {len(answers)} requests was refused: {_statuses(answers)}"
    assert all("Retry-After" in answer.headers for answer in refused), "nobody said when to come back"
    return (
        f"{len(refused)} of {len(answers)} requests were asked to come back in "
        f"{refused[0].headers['Retry-After']} s ({_statuses(answers)})"
    )


def _failed_automations(world: World, answers: list[Answer]) -> str:
    accepted = [
        answer for answer in answers if answer.status == 202 and "execution_id" in (answer.body or {})
    ]
    outcomes = Counter(
        world.tenants[0].send("GET", _execution(answer)).body["status"] for answer in accepted[-100:]
    )
    assert outcomes["failed"], f"no automation failed: {dict(outcomes)}"
    return f"every request was accepted, and {outcomes['failed']} of {outcomes.total()} automations failed at the ad platform"


def _execution(answer: Answer) -> str:
    return f"/api/v1/automations/{answer.body['automation_id']}/executions/{answer.body['execution_id']}"


def _statuses(answers: list[Answer]) -> str:
    return ", ".join(
        f"{count} times {status}" for status, count in sorted(Counter(one.status for one in answers).items())
    )


SCENES = (
    Scene(
        "Every second request fails",
        "HighErrorRate",
        "the API raises an unexpected exception in every second request (its own fault switch)",
        INJECTIONS["requests fail"],
        _failed_requests,
        '{service_name="stratum-api"} | event="api_request" | status_code="500"',
    ),
    Scene(
        "An ad platform refuses everything",
        "IntegrationFailureSpike",
        "the stand-in of the ad platform meta answers 4xx to every call",
        INJECTIONS["platform refuses"],
        _failed_automations,
        '{service_name="stratum-worker"} | event="integration_failure"',
    ),
    Scene(
        "The broker is gone",
        "RedisDown",
        "the container of Redis that holds queue and stream is stopped",
        _stopped_broker,
        _refused_politely,
        '{service_name="stratum-api"} | event="api_request" | status_code="503"',
        tracked=False,
    ),
)
