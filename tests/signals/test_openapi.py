"""What the API says about itself is so: whatever fits its description or does not, it answers as described, never with a 5xx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from schemathesis import GenerationMode

if TYPE_CHECKING:
    from harness.clients.api import Api

EXAMPLES = 12
HEALTHY = (
    70  # of a signal; lower ones would make the tenant look ill, and fire alerts that other tests listen for
)
MOST = 2**63 - 1
ROUTES = 15  # fewer would mean that the description was not read
WITHOUT_INPUT = {"/health", "/health/live", "/health/ready"}  # there is nothing that would not fit

pytestmark = pytest.mark.slow


@schemathesis.hook
def map_body(_context: schemathesis.HookContext, body: object) -> object:
    """Keep the tenant's signals healthy, and what a schema cannot say of free JSON within what JSONB takes."""
    if isinstance(body, dict) and isinstance(body.get("properties"), dict):
        body = {**body, "properties": storable(body["properties"])}
    if isinstance(body, dict) and isinstance(body.get("score"), (int, float)) and 0 <= body["score"] <= 100:
        return {**body, "score": HEALTHY + body["score"] * (100 - HEALTHY) / 100}
    return body


def storable(value: object) -> object:
    """Return JSON without integers beyond 64 bits and without NUL: test_events.py sends those."""
    if isinstance(value, dict):
        return {storable(key): storable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [storable(one) for one in value]
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-MOST, min(MOST, value))
    return value


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fits", "does not"])
def test_the_api_answers_as_it_is_described(mode: GenerationMode, retailx: Api) -> None:
    """Every check that schemathesis has, over every route, with requests that fit its description or do not."""
    described = schemathesis.openapi.from_url(f"{retailx.address}/openapi.json")
    key = {"Authorization": str(retailx.http.headers["Authorization"])}
    operations = [result.ok() for result in described.get_all_operations()]
    faults = {}
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and operation.path in WITHOUT_INPUT:
            continue

        @rules(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def answers(case: schemathesis.Case) -> None:
            answer = case.call(headers=key)
            if answer.status_code == 503:  # rightly, where all stood still for 2 s; not twice running
                answer = case.call(headers=key)
            case.validate_response(answer, headers=key, transport_kwargs={"headers": dict(key)})

        try:
            answers()
        except Exception as fault:  # noqa: BLE001 - one fault must not hide those of other routes
            faults[operation.label] = str(fault)
    assert len(operations) >= ROUTES
    assert not faults, "\n\n".join(f"{route}: {fault}" for route, fault in faults.items())
