"""Report how healthy a signal is."""

from http import HTTPStatus

from fastapi import APIRouter

from sample_app.auth import TENANT_REFUSALS, TENANT_ROUTES, CurrentTenant
from sample_app.problems import responses
from sample_app.stores import ThePlatform
from sample_app.telemetry.watch import TheWatch
from sample_app.trust.signals import NewSignal, Signal

router = APIRouter(
    prefix="/trust/signals", tags=["trust"], dependencies=TENANT_ROUTES, responses=TENANT_REFUSALS
)


@router.post("", status_code=HTTPStatus.CREATED, responses=responses(HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
async def report_signal(
    body: NewSignal, tenant: CurrentTenant, platform: ThePlatform, watch: TheWatch
) -> Signal:
    """Report a score; the latest one of each type decides about the tenant's automations."""
    signal = await platform.signals.add(tenant.id, body)
    watch.platform.scored(signal.signal_type, tenant.id, signal.score)
    return signal
