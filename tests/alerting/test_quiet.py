"""A healthy stack says nothing: not under load, not when its services are restarted, not when it gets a new version.

On a stack of its own whose time is divided by five: there the shortest `for` of a page (12 s) is longer than any restart, and
five minutes are longer than the longest. It takes about eight minutes, so `make quiet` runs it and `make test` does not.
"""

from __future__ import annotations

import time
from itertools import cycle
from threading import Lock
from typing import TYPE_CHECKING

import docker
import pytest
from launcher.environment import read_settings

from alerting.disturbances import RULES, disturbances, disturbances_within
from alerting.injections import World
from harness import rendering
from harness.eventually import eventually
from harness.expectations import at_least, is_firing, is_resolved
from harness.faults import Faults
from harness.plugin import ROOT
from harness.settling import settle
from harness.stack import Stack
from harness.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.clients.api import Answer
    from harness.clients.prometheus import Samples
    from harness.traceparent import Traceparent

pytestmark = [pytest.mark.quiet, pytest.mark.timeout(900)]

FACTOR = 5.0
WINDOW = 300.0  # seconds of wall time
RATE = 6.0  # requests a second
LEAST = 1000  # requests in the window
WATCHED = 45.0  # longer than the loss of an instance has to last until somebody hears of it


@pytest.fixture(scope="module")
def healthy() -> Iterator[Stack]:
    """A stack that has started and has nothing more to say of it: a start is not compressed, and `for` is."""
    stack = Stack.of_our_own(ROOT, factor=FACTOR)
    try:
        stack.start()
        settle(stack.stores.prometheus)
        World(stack, Faults(stack), stack.stores.saboteur(), ()).until_silent()
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="module")
def breakable(healthy: Stack) -> Faults:
    """What can be broken of it."""
    return Faults(healthy)


def mixed(stack: Stack, rate: float) -> Traffic:
    """Reads, runs, events and signals of three tenants, as their own work would send them."""
    tenants = [stack.stores.tenant(name) for name in ("acme", "techco", "retailx")]
    automations = {"acme": 1001, "techco": 2001, "retailx": 3001}
    kinds: list[Callable[[Traceparent], Answer]] = []
    for tenant in tenants:

        def send(
            parent: Traceparent,
            method: str,
            path: str,
            body: object = None,
            tenant=tenant,  # noqa: ANN001
        ) -> Answer:
            options = {} if body is None else {"json": body}
            return tenant.send(method, f"/api/v1{path}", parent=parent, **options)

        one = automations[tenant.tenant]
        kinds += [
            lambda parent, send=send: send(parent, "GET", "/campaigns"),
            lambda parent, send=send, one=one: send(parent, "POST", f"/automations/{one}/execute"),
            lambda parent, send=send: send(parent, "POST", "/cdp/events", {"event_type": "purchase"}),
            lambda parent, send=send: send(parent, "GET", "/analytics/dashboard"),
            lambda parent, send=send: send(parent, "GET", "/cdp/profiles/search?q=person"),
        ]
    turn, lock = cycle(kinds), Lock()

    def next_one(parent: Traceparent) -> Answer:
        with lock:
            kind = next(turn)
        return kind(parent)

    return Traffic(next_one, rate)


def test_five_minutes_of_work_disturb_nobody(healthy: Stack) -> None:
    """Under mixed load for longer than the longest `for`, a thousand requests counted; and nobody was told a word since the start."""
    longest = max(map(rendering.seconds_of, RULES.values())) / FACTOR
    assert longest < WINDOW
    began, traffic = time.time(), mixed(healthy, RATE)
    with traffic.flowing():
        traffic.goes_on_for(WINDOW)
    refused = [one for one in traffic.sent if one.answer is None or one.answer.status >= 400]
    assert refused == [], f"the load itself went wrong: {refused[:3]}"
    assert disturbances(healthy, since=began) == []
    counted = f"sum(increase(api_requests_total[{round((time.time() - began) * 1000)}ms]))"
    eventually(healthy.stores.prometheus.value(counted), at_least(LEAST), within=30)


def test_restarting_every_service_in_turn_disturbs_nobody(healthy: Stack, breakable: Faults) -> None:
    """One after the other, each given the time to be well again."""
    began = time.time()
    for service in sorted({state.service for state in healthy.compose.states() if state.state == "running"}):
        breakable.restart(service)
        settle(healthy.stores.prometheus)
    assert disturbances_within(healthy, WATCHED, since=began) == []


def test_a_new_version_of_the_api_disturbs_nobody(healthy: Stack) -> None:
    """Another image under another release, in place of the one that runs."""
    began, release = time.time(), "next"
    environment = healthy.environment
    current = read_settings(environment.env_file).get("STRATUM_RELEASE", "dev")
    client = docker.from_env()
    client.images.get(f"stratum/sample-app:{current}").tag("stratum/sample-app", release)
    try:
        environment.change_setting("STRATUM_RELEASE", release)
        healthy.compose.start("api")
        settle(healthy.stores.prometheus)
        _until_it_runs(healthy, release)
        assert disturbances_within(healthy, WATCHED, since=began) == []
    finally:
        environment.change_setting("STRATUM_RELEASE", current)
        healthy.compose.start("api")  # or the image could not be let go
        client.images.remove(f"stratum/sample-app:{release}")
        client.close()
        # the next test's requests would find nobody while it starts
        _until_it_runs(healthy, current)


def _until_it_runs(stack: Stack, release: str) -> None:
    def it_runs(found: Samples) -> None:
        versions = list(found.by("version"))
        assert versions == [release], f"running: {', '.join(versions)}"

    running = stack.stores.prometheus.samples('stratum_build_info{job="stratum-api"}')
    eventually(running, it_runs, within=60)


def test_one_fault_is_a_disturbance(healthy: Stack, breakable: Faults) -> None:
    """What finds nothing in a healthy stack finds this: the question is no formality."""
    began = time.time()
    with breakable.stopped("redis"):
        eventually(healthy.stores.inbox.notifications("RedisDown", since=began), is_firing, within=60)
    assert "told: RedisDown firing at pagerduty" in disturbances(healthy, since=began)
    eventually(healthy.stores.inbox.notifications("RedisDown", since=began), is_resolved, within=120)
