"""Find, make, change and merge profiles."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field

from sample_app.auth import TENANT_REFUSALS, TENANT_ROUTES, CurrentTenant
from sample_app.cdp.profiles import Attributes, Profile, Refusal
from sample_app.fields import ExternalId, Name, Page, PageQuery, SearchTerm, Strict, page_of
from sample_app.problems import ProblemError, responses
from sample_app.stores import ThePlatform
from sample_app.telemetry.watch import TheWatch

_AN_ID = "6f1f5f0e-8a52-4b57-9d0c-5a3b1d2c4e6f"
_ANOTHER_ID = "0b9e3c1a-5d0f-4b1e-8f3d-2a6c7e9b1d05"

ProfileId = Annotated[UUID, Path(description="One of the tenant's profiles.", examples=[_AN_ID])]
# as mail servers take it everywhere: printable ASCII
Email = Annotated[str, Field(max_length=254, pattern=r"^[!-?A-~]+@[!-?A-~]+$")]


class ProfileQuery(PageQuery):
    """Which profiles to find."""

    q: SearchTerm | None = Field(
        default=None, description="A part of an id, a name or an e-mail address.", examples=["ada"]
    )
    cursor: UUID | None = Field(
        default=None, description="`next_cursor` of the page before.", examples=[_AN_ID]
    )


class NewProfile(Strict):
    """A person that a tenant got to know."""

    external_id: ExternalId = Field(description="The tenant's own id.", examples=["customer-1"])
    name: Name | None = Field(default=None, examples=["Ada Lovelace"])
    email: Email | None = Field(default=None, examples=["ada@example.com"])
    attributes: Attributes = Field(default_factory=dict)


class ProfileChange(Strict):
    """What is to be changed; what is left out stays, and attributes are changed one by one."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    name: Name | None = Field(default=None, examples=["Ada King"])
    email: Email | None = Field(default=None, examples=["ada.king@example.com"])
    attributes: Attributes = Field(default_factory=dict)


class Merge(Strict):
    """Which profile is to be taken in."""

    source_id: UUID = Field(description="It stays, and points to the other one.", examples=[_ANOTHER_ID])


router = APIRouter(
    prefix="/cdp/profiles", tags=["customer data"], dependencies=TENANT_ROUTES, responses=TENANT_REFUSALS
)


@router.get("/search")
async def search_profiles(
    query: Annotated[ProfileQuery, Query()], tenant: CurrentTenant, platform: ThePlatform
) -> Page[Profile]:
    """Find profiles by a part of their id, name or e-mail address."""
    found = await platform.profiles.search(tenant.id, query.q, limit=query.limit + 1, before=query.cursor)
    return page_of(found, query.limit, cursor=lambda profile: profile.id)


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=responses(HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
)
async def make_profile(
    body: NewProfile, tenant: CurrentTenant, platform: ThePlatform, watch: TheWatch
) -> Profile:
    """Make a profile."""
    profile = _granted(await platform.profiles.add(tenant.id, body.model_dump()))
    watch.platform.profile_changed("create", tenant.id)
    return profile


_CHANGES = responses(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


@router.patch("/{profile_id}", responses=_CHANGES)
async def change_profile(
    profile_id: ProfileId, body: ProfileChange, tenant: CurrentTenant, platform: ThePlatform, watch: TheWatch
) -> Profile:
    """Change a profile."""
    values = body.model_dump(exclude_unset=True)
    if not values:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "body: names nothing to change.")
    profile = _granted(await platform.profiles.change(tenant.id, profile_id, values))
    watch.platform.profile_changed("update", tenant.id)
    return profile


@router.post("/{profile_id}/merge", responses=_CHANGES)
async def merge_profiles(
    profile_id: ProfileId, body: Merge, tenant: CurrentTenant, platform: ThePlatform, watch: TheWatch
) -> Profile:
    """Take another profile into this one, which wins where both know something."""
    if body.source_id == profile_id:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "body.source_id: is the profile itself.")
    profile = _granted(await platform.profiles.merge(tenant.id, profile_id, body.source_id))
    watch.platform.profile_changed("merge", tenant.id)
    return profile


_STATUS = {
    Refusal.UNKNOWN: HTTPStatus.NOT_FOUND,
    Refusal.TAKEN: HTTPStatus.CONFLICT,
    Refusal.MERGED: HTTPStatus.CONFLICT,
    Refusal.FULL: HTTPStatus.UNPROCESSABLE_ENTITY,
}


def _granted(result: Profile | Refusal) -> Profile:
    if isinstance(result, Refusal):
        raise ProblemError(_STATUS[result], result.value)
    return result
