"""The stand-in of the ad platforms: does an order once, and fails as a fault says."""

from time import time

import pytest
from opentelemetry.trace import Tracer
from starlette.testclient import TestClient

from sample_app.ad_platforms.application import make_app
from sample_app.faults.catalogue import AdPlatformFails
from sample_app.faults.switchboard import Active, Switches
from sample_app.telemetry.watch import Watch
from unit.sample_app.doubles import Lines

ACTION = {"automation_id": 1001, "action": "budget_shift"}
KEY = {"Idempotency-Key": "k-1"}


class Told(Switches):
    """A fault that is on, or none."""

    def be(self, fault: AdPlatformFails) -> None:
        """Switch it on."""
        self._active = {fault.name: Active(fault, time() + 60)}


@pytest.fixture
def switches() -> Told:
    return Told()


@pytest.fixture
def client(tracer: Tracer, switches: Told, lines: Lines) -> TestClient:  # noqa: ARG001 - lines go to a list
    return TestClient(make_app("1.2.3", Watch.with_tracer(tracer), switches))


def orders(client: TestClient, result: str) -> float:
    wanted = f'ad_platform_orders_total{{platform="meta",result="{result}"}} '
    (line,) = [line for line in client.get("/metrics").text.splitlines() if line.startswith(wanted)]
    return float(line.rpartition(" ")[2])


def test_an_order_that_comes_twice_is_done_once(client: TestClient) -> None:
    first = client.post("/meta/v1/actions", json=ACTION, headers=KEY)
    second = client.post("/meta/v1/actions", json=ACTION, headers=KEY)

    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert (orders(client, "done"), orders(client, "repeated")) == (1, 1)


@pytest.mark.parametrize(
    ("failure", "status"), [("unavailable", 503), ("rate-limited", 429), ("rejected", 422)]
)
def test_a_platform_fails_as_it_is_told(
    failure: str, status: int, client: TestClient, switches: Told
) -> None:
    switches.be(AdPlatformFails.model_validate({"failure": failure, "platform": "meta"}))
    answer = client.post("/meta/v1/actions", json=ACTION, headers=KEY)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("Retry-After" in answer.headers) == (status == 429)
    assert client.post("/google/v1/actions", json=ACTION, headers=KEY).status_code == 200
    assert (orders(client, "refused"), orders(client, "done")) == (1, 0)


def test_an_unknown_platform_is_refused(client: TestClient) -> None:
    assert client.post("/myspace/v1/actions", json=ACTION, headers=KEY).status_code == 422
