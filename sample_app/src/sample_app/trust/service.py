"""Asking for an execution: first the row, then the message, so that no message names a row that is not there."""

from http import HTTPStatus
from uuid import UUID, uuid4

from sample_app.problems import ProblemError
from sample_app.stores import Platform
from sample_app.telemetry.context import SERVING
from sample_app.telemetry.tracing import headers_of_current_span
from sample_app.trust.store import Execution, Request


async def request_execution(
    platform: Platform, tenant_id: str, automation_id: int, *, reason: str | None = None
) -> UUID:
    """Store the request and hand it to the workers; return the execution's id."""
    serving = SERVING.get()
    request = Request(
        execution_id=uuid4(),
        tenant_id=tenant_id,
        automation_id=automation_id,
        reason=reason,
        request_id=serving.request_id if serving else uuid4().hex,
        traceparent=headers_of_current_span().get("traceparent"),
    )
    if not await platform.executions.add(request):
        raise ProblemError(HTTPStatus.NOT_FOUND, "There is no such automation.")
    await platform.publisher.publish(request.execution_id)
    return request.execution_id


async def read_execution(
    platform: Platform, tenant_id: str, execution_id: UUID, automation_id: int | None = None
) -> Execution:
    """Return one of the tenant's executions; another tenant's does not exist for this one."""
    if automation_id is None:
        found = await platform.executions.find(tenant_id, execution_id)
    else:
        found = await platform.executions.get(tenant_id, automation_id, execution_id)
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "There is no such execution.")
    return found
