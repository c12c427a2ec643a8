"""Probes: alive (the process), ready (its stores answer), and a report for people on the internal port."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from sample_app.health.checks import run_checks
from sample_app.stores import ThePlatform

router = APIRouter(prefix="/health", tags=["health"])
detailed_router = APIRouter(prefix="/health")


@router.get("")
@router.get("/live")
async def live() -> dict[str, str]:
    """Say that the process runs; asks nothing of anybody."""
    return {"status": "healthy"}


@router.get("/ready", responses={503: {"description": "Database or cache does not answer"}})
async def ready(platform: ThePlatform) -> Response:
    """Say whether requests can be served: database and cache, not the queue."""
    findings = await run_checks(platform.ready)
    is_ready = all(finding.healthy for finding in findings.values())
    body = {
        "status": "ready" if is_ready else "not ready",
        "checks": {name: "healthy" if finding.healthy else "unhealthy" for name, finding in findings.items()},
    }
    return _json(body, HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE)


@detailed_router.get("/detailed")
async def detailed(request: Request, platform: ThePlatform) -> Response:
    """Report on every dependency; a report is 200 whatever it says."""
    findings = await run_checks({**platform.ready, **platform.detailed})
    healthy = [finding.healthy for finding in findings.values()]
    status = "healthy" if all(healthy) else "degraded" if any(healthy) else "unhealthy"
    checks = {
        name: {
            "status": "healthy" if finding.healthy else "unhealthy",
            "duration_ms": finding.duration_ms,
            "error": finding.error,
        }
        for name, finding in findings.items()
    }
    body = {
        "status": status,
        "timestamp": datetime.now(UTC).isoformat(),
        "release": request.app.version,
        "checks": checks,
    }
    return _json(body, HTTPStatus.OK)


def _json(body: dict[str, Any], status: HTTPStatus) -> Response:
    return Response(orjson.dumps(body), status.value, media_type="application/json")
