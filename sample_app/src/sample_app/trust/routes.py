"""Run an automation if the tenant's signals can be trusted, and read what became of it."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from sample_app.auth import TENANT_REFUSALS, TENANT_ROUTES, CurrentTenant
from sample_app.fields import MAX_ID, Note, NumberedQuery, Page, Strict, page_of
from sample_app.problems import responses
from sample_app.stores import ThePlatform
from sample_app.trust.automations import Automation
from sample_app.trust.decisions import Decision, Status
from sample_app.trust.service import read_execution, request_execution
from sample_app.trust.store import Execution

_AN_ID = "6f1f5f0e-8a52-4b57-9d0c-5a3b1d2c4e6f"

AutomationId = Annotated[
    int, Path(ge=1, le=MAX_ID, description="One of the tenant's automations.", examples=[1001])
]
ExecutionId = Annotated[UUID, Path(description="As it was given when it was asked for.", examples=[_AN_ID])]


class ExecuteBody(Strict):
    """Why the automation should run."""

    reason: Note | None = Field(
        default=None, description="For people who read about it later.", examples=["Spring sale begins"]
    )


class Accepted(BaseModel):
    """An execution that was asked for."""

    execution_id: UUID = Field(examples=[_AN_ID])
    automation_id: int = Field(examples=[1001])
    status: Status = Field(default="queued", examples=["queued"])


class ExecutionView(BaseModel):
    """An execution and what was decided about it."""

    execution_id: UUID = Field(examples=[_AN_ID])
    automation_id: int = Field(examples=[1001])
    status: Status = Field(examples=["success"])
    decision: Decision | None = Field(examples=["pass"])
    signal_health: float | None = Field(
        description="0 to 100, at the moment of the decision.", examples=[88.0]
    )
    requested_at: datetime = Field(examples=["2026-11-23T09:00:00Z"])
    decided_at: datetime | None = Field(examples=["2026-11-23T09:00:01Z"])

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


router = APIRouter(
    prefix="/automations",
    tags=["automations"],
    dependencies=TENANT_ROUTES,
    responses=TENANT_REFUSALS,
)


@router.get("")
async def list_automations(
    query: Annotated[NumberedQuery, Query()], tenant: CurrentTenant, platform: ThePlatform
) -> Page[Automation]:
    """List automations, newest first."""
    found = await platform.automations.newest(tenant.id, limit=query.limit + 1, before=query.cursor)
    return page_of(found, query.limit, cursor=lambda automation: automation.id)


@router.post(
    "/{automation_id}/execute",
    status_code=HTTPStatus.ACCEPTED,
    responses=responses(HTTPStatus.NOT_FOUND, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
)
async def execute(
    automation_id: AutomationId,
    tenant: CurrentTenant,
    platform: ThePlatform,
    response: Response,
    body: ExecuteBody | None = None,
) -> Accepted:
    """Ask for an automation to be run; the trust gate decides a moment later."""
    reason = body.reason if body else None
    execution_id = await request_execution(platform, tenant.id, automation_id, reason=reason)
    response.headers["Location"] = f"/api/v1/automations/{automation_id}/executions/{execution_id}"
    return Accepted(execution_id=execution_id, automation_id=automation_id)


@router.get("/{automation_id}/executions/{execution_id}", responses=responses(HTTPStatus.NOT_FOUND))
async def read(
    automation_id: AutomationId, execution_id: ExecutionId, tenant: CurrentTenant, platform: ThePlatform
) -> ExecutionView:
    """Read what became of an execution."""
    return ExecutionView.of(await read_execution(platform, tenant.id, execution_id, automation_id))
