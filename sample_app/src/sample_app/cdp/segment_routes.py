"""Evaluate segments."""

from http import HTTPStatus
from time import perf_counter
from typing import Annotated

from fastapi import APIRouter, Path

from sample_app.auth import TENANT_REFUSALS, TENANT_ROUTES, CurrentTenant
from sample_app.cdp.segments import Segment
from sample_app.fields import MAX_ID
from sample_app.problems import ProblemError, responses
from sample_app.stores import ThePlatform
from sample_app.telemetry import names
from sample_app.telemetry.tracing import span
from sample_app.telemetry.watch import TheWatch

SegmentId = Annotated[
    int, Path(ge=1, le=MAX_ID, description="One of the tenant's segments.", examples=[1101])
]

router = APIRouter(
    prefix="/cdp/segments", tags=["customer data"], dependencies=TENANT_ROUTES, responses=TENANT_REFUSALS
)


@router.post("/{segment_id}/evaluate", responses=responses(HTTPStatus.NOT_FOUND))
async def evaluate_segment(
    segment_id: SegmentId, tenant: CurrentTenant, platform: ThePlatform, watch: TheWatch
) -> Segment:
    """Count the profiles that a segment describes, as they are now."""
    # its id is an attribute here and no label: there are as many as tenants like
    with span(watch.tracer, names.SPAN_SEGMENT, {"segment_id": segment_id}) as current:
        started = perf_counter()
        segment = await platform.segments.evaluate(tenant.id, segment_id)
        if segment is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "There is no such segment.")
        current.set_attribute("segment_type", segment.segment_type)
        watch.platform.segment_evaluated(segment.segment_type, tenant.id, perf_counter() - started)
    return segment
