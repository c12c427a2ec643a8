"""Run an automation if the tenant's signals can be trusted, and read what became of it."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from sample_app.auth import TENANT_ROUTES, CurrentTenant
from sample_app.problems import responses
from sample_app.stores import Platform, platform_of
from sample_app.trust.decisions import Decision, Status
from sample_app.trust.service import read_execution, request_execution
from sample_app.trust.store import Execution

_MAX_ID = 2**63 - 1  # what the column holds

AutomationId = Annotated[
    int, Path(ge=1, le=_MAX_ID, description="One of the tenant's automations.", examples=[1001])
]
ThePlatform = Annotated[Platform, Depends(platform_of)]


class ExecuteBody(BaseModel):
    """Why the automation should run."""

    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(
        default=None, max_length=200, description="For people who read about it later."
    )

    @field_validator("reason")
    @classmethod
    def _storable(cls, reason: str | None) -> str | None:
        if reason is not None and "\x00" in reason:
            raise ValueError("must not contain NUL")  # PostgreSQL's text cannot hold it
        return reason


class Accepted(BaseModel):
    """An execution that was asked for."""

    execution_id: UUID
    automation_id: int
    status: Status = "queued"


class ExecutionView(BaseModel):
    """An execution and what was decided about it."""

    execution_id: UUID
    automation_id: int
    status: Status
    decision: Decision | None
    signal_health: float | None = Field(description="0 to 100, at the moment of the decision.")
    requested_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, execution: Execution) -> "ExecutionView":
        """Return the execution as it is shown."""
        return cls(
            execution_id=execution.execution_id,
            automation_id=execution.automation_id,
            status=execution.status,
            decision=execution.decision,
            signal_health=execution.signal_health,
            requested_at=execution.requested_at,
            decided_at=execution.decided_at,
        )


_REFUSALS = responses(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)

router = APIRouter(
    prefix="/automations", tags=["automations"], dependencies=TENANT_ROUTES, responses=_REFUSALS
)


@router.post(
    "/{automation_id}/execute",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses(HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
)
async def execute(
    automation_id: AutomationId,
    tenant: CurrentTenant,
    platform: ThePlatform,
    response: Response,
    body: Annotated[ExecuteBody | None, Body()] = None,
) -> Accepted:
    """Ask for an automation to be run; the trust gate decides a moment later."""
    reason = body.reason if body else None
    execution_id = await request_execution(platform, tenant.id, automation_id, reason=reason)
    response.headers["Location"] = f"/api/v1/automations/{automation_id}/executions/{execution_id}"
    return Accepted(execution_id=execution_id, automation_id=automation_id)


@router.get("/{automation_id}/executions/{execution_id}")
async def read(
    automation_id: AutomationId, execution_id: UUID, tenant: CurrentTenant, platform: ThePlatform
) -> ExecutionView:
    """Read what became of an execution."""
    return ExecutionView.of(await read_execution(platform, tenant.id, execution_id, automation_id))
