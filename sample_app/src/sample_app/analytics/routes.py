"""Read the dashboard's figures."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from sample_app.analytics.dashboard import Dashboard
from sample_app.auth import TENANT_REFUSALS, TENANT_ROUTES, CurrentTenant
from sample_app.fields import Strict
from sample_app.stores import ThePlatform


class DashboardQuery(Strict):
    """Which figures to show."""

    days: int = Field(default=7, ge=1, le=90, description="How far to look back.", examples=[7])


router = APIRouter(
    prefix="/analytics", tags=["analytics"], dependencies=TENANT_ROUTES, responses=TENANT_REFUSALS
)


@router.get("/dashboard")
async def read_dashboard(
    query: Annotated[DashboardQuery, Query()], tenant: CurrentTenant, platform: ThePlatform
) -> Dashboard:
    """Read a tenant's figures; a moment behind, as the replica is."""
    return await platform.analytics.dashboard(tenant.id, query.days)
