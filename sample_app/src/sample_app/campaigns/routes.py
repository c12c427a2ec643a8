"""List, read and make campaigns."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from sample_app.auth import TENANT_REFUSALS, TENANT_ROUTES, CurrentTenant
from sample_app.campaigns.store import Campaign, NewCampaign
from sample_app.fields import MAX_ID, NumberedQuery, Page, page_of
from sample_app.problems import ProblemError, responses
from sample_app.stores import ThePlatform

CampaignId = Annotated[
    int, Path(ge=1, le=MAX_ID, description="One of the tenant's campaigns.", examples=[10001])
]


router = APIRouter(
    prefix="/campaigns", tags=["campaigns"], dependencies=TENANT_ROUTES, responses=TENANT_REFUSALS
)


@router.get("")
async def list_campaigns(
    query: Annotated[NumberedQuery, Query()], tenant: CurrentTenant, platform: ThePlatform
) -> Page[Campaign]:
    """List campaigns, newest first."""
    found = await platform.campaigns.newest(tenant.id, limit=query.limit + 1, before=query.cursor)
    return page_of(found, query.limit, cursor=lambda campaign: campaign.id)


@router.get("/{campaign_id}", responses=responses(HTTPStatus.NOT_FOUND))
async def read_campaign(campaign_id: CampaignId, tenant: CurrentTenant, platform: ThePlatform) -> Campaign:
    """Read a campaign."""
    campaign = await platform.campaigns.get(tenant.id, campaign_id)
    if campaign is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "There is no such campaign.")
    return campaign


@router.post("", status_code=HTTPStatus.CREATED, responses=responses(HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
async def make_campaign(
    body: NewCampaign, tenant: CurrentTenant, platform: ThePlatform, response: Response
) -> Campaign:
    """Make a campaign."""
    campaign = await platform.campaigns.add(tenant.id, body)
    response.headers["Location"] = f"/api/v1/campaigns/{campaign.id}"
    return campaign
