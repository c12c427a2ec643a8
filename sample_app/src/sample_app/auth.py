"""Who may ask: tenants by their API key, the stack itself by the internal key."""

import hmac
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.security import HTTPBearer

from sample_app.problems import ProblemError, responses
from sample_app.stores import Platform, ThePlatform, platform_of
from sample_app.telemetry.context import SERVING
from sample_app.tenancy import Tenant

_CHALLENGE = {"WWW-Authenticate": "Bearer"}
# documents the scheme in the OpenAPI; the header itself is read below, so that each refusal says why
_SCHEME = Depends(HTTPBearer(auto_error=False, description="A tenant's API key."))


async def current_tenant(
    platform: ThePlatform,
    authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Tenant:
    """Return the tenant whose key was shown; refuse everyone else."""
    return await tenant_of_key(platform, authorization)


async def tenant_of_key(platform: Platform, authorization: str | None) -> Tenant:
    """Return the tenant whose key is in an Authorization header; refuse everyone else."""
    tenant = await platform.tenants.by_key(_bearer(authorization))
    if tenant is None:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "The API key is not known.", headers=_CHALLENGE)
    serving = SERVING.get()
    if serving is not None:
        serving.tenant_id = tenant.id
        serving.user_id = tenant.key_label
    if not tenant.enabled:
        raise ProblemError(HTTPStatus.FORBIDDEN, "This tenant is disabled.")
    return tenant


def internal_only(
    request: Request, authorization: Annotated[str | None, Header(include_in_schema=False)] = None
) -> None:
    """Refuse everyone but the stack itself."""
    require_key(platform_of(request).internal_key, authorization, name="internal")


def require_key(expected: str, authorization: str | None, *, name: str) -> None:
    """Refuse whoever does not show a key of the stack's own; an empty one admits nobody."""
    shown = _bearer(authorization).encode("utf-8", "surrogatepass")
    if not expected or not hmac.compare_digest(shown, expected.encode()):
        raise ProblemError(HTTPStatus.UNAUTHORIZED, f"The {name} key is not right.", headers=_CHALLENGE)


def _bearer(authorization: str | None) -> str:
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        detail = "An API key is needed: 'Authorization: Bearer <key>'."
        raise ProblemError(HTTPStatus.UNAUTHORIZED, detail, headers=_CHALLENGE)
    return key.strip()


CurrentTenant = Annotated[Tenant, Depends(current_tenant)]
TENANT_ROUTES = [_SCHEME]
TENANT_REFUSALS = responses(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""What every tenant's route may answer."""
