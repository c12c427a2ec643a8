"""The canary: a real request, and a real error, that prove the whole path without waking anybody."""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from sample_app.auth import internal_only
from sample_app.stores import ThePlatform
from sample_app.telemetry.context import SERVING
from sample_app.trust.routes import Accepted, ExecutionView
from sample_app.trust.service import read_execution, request_execution

CANARY_PATH = "/internal/canary"
CANARY_TENANT = "canary"
CANARY_AUTOMATION = 9001


class CanaryError(Exception):
    """Raised on purpose, to be seen in every place where an error should be seen."""


def _serves_canary() -> None:
    serving = SERVING.get()
    if serving is not None:
        serving.tenant_id = CANARY_TENANT
        serving.user_id = "internal"


router = APIRouter(
    prefix=CANARY_PATH,
    include_in_schema=False,
    dependencies=[Depends(internal_only), Depends(_serves_canary)],
)


@router.post("", status_code=HTTPStatus.ACCEPTED)
async def sing(platform: ThePlatform, response: Response) -> Accepted:
    """Ask for the canary's automation, on the path that every tenant's request takes."""
    execution_id = await request_execution(platform, CANARY_TENANT, CANARY_AUTOMATION, reason="canary")
    response.headers["Location"] = f"{CANARY_PATH}/executions/{execution_id}"
    return Accepted(execution_id=execution_id, automation_id=CANARY_AUTOMATION)


@router.get("/executions/{execution_id}")
async def read(execution_id: UUID, platform: ThePlatform) -> ExecutionView:
    """Read what became of it."""
    return ExecutionView.of(await read_execution(platform, CANARY_TENANT, execution_id))


@router.post("/error")
async def fail() -> None:
    """Fail as a defect would."""
    raise CanaryError("The canary fell off its perch, as it was told to.")
