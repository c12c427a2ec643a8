"""Every refusal as problem details (RFC 9457): what is wrong, with which field, and the ids to ask about it.

Nothing a client sends may make a 5xx; the one 5xx answered on purpose is 503, while the database or the broker is away.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sample_app.database import UNAVAILABLE
from sample_app.telemetry.context import SERVING, Serving

MEDIA_TYPE = "application/problem+json"
_MAX_ERRORS = 20


class FieldError(BaseModel):
    """One field of a request that cannot be accepted."""

    field: str = Field(description="Where: body, path, query or header, then the name.")
    message: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """Problem details as RFC 9457 has them."""

    type: str = Field(default="about:blank", description="The title says it all.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The status code once more.")
    detail: str = Field(description="What happened, for a person.")
    request_id: str | None = Field(default=None, description="Quote this when asking for help.")
    trace_id: str | None = Field(default=None, description="The trace of this request.")
    errors: list[FieldError] | None = Field(default=None, description="Fields that cannot be accepted.")


class ProblemError(Exception):
    """Raised to refuse a request."""

    def __init__(self, status: HTTPStatus, detail: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def responses(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Describe a route's refusals for its OpenAPI."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status.value: {
            "description": status.phrase,
            "content": {MEDIA_TYPE: {**schema, "example": _example(status)}},
        }
        for status in statuses
    }


def describe(openapi: dict[str, Any]) -> None:
    """Add what `responses` refers to: FastAPI knows only models that answer with plain JSON."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = openapi.setdefault("components", {}).setdefault("schemas", {})
    schemas |= {**schema.pop("$defs", {}), "Problem": schema}


def _example(status: HTTPStatus) -> dict[str, Any]:
    ids = {"request_id": "req-1", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}
    said = {"title": status.phrase, "status": status.value, "detail": f"What led to {status.phrase}."}
    return {"type": "about:blank", **said, **ids}


def install(app: FastAPI) -> None:
    """Answer every expected error of the application with problem details."""
    app.add_exception_handler(ProblemError, _refused)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    for unavailable in UNAVAILABLE:
        app.add_exception_handler(unavailable, _database_away)
    app.add_exception_handler(RedisError, _broker_away)


def crash_response(serving: Serving) -> Response:
    """Answer for an exception that nobody expected: the ids, and nothing of its text."""
    detail = "Something went wrong here. It has been reported; quote the request_id when asking about it."
    return _response(HTTPStatus.INTERNAL_SERVER_ERROR, detail, serving=serving)


def refused(error: ProblemError) -> Response:
    """Answer for a request that was refused."""
    return _response(error.status, error.detail, headers=error.headers)


def database_away() -> Response:
    """Answer while the database does not."""
    return _away("The database")


def _away(store: str) -> Response:
    detail = f"{store} does not answer. Nothing was changed that this answer could confirm; try again."
    return _response(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "2"})


def _response(
    status: HTTPStatus,
    detail: str,
    *,
    errors: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
    serving: Serving | None = None,
) -> Response:
    serving = serving or SERVING.get()
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "request_id": serving.request_id if serving else None,
        "trace_id": serving.trace_id if serving else None,
    }
    if errors is not None:
        body["errors"] = errors
    return Response(orjson.dumps(body), status.value, headers, MEDIA_TYPE)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - for the type checker: registered for it
    return refused(error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - the same
    headers = dict(error.headers) if error.headers else None
    if error.status_code == HTTPStatus.BAD_REQUEST:  # FastAPI's word for a body that is no JSON at all
        return _invalid_response([{"field": "body", "message": "cannot be parsed as JSON"}])
    details = {
        HTTPStatus.NOT_FOUND: "There is nothing at this address.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method[:16]} is not possible here.",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The request's body is larger than 1 MiB.",
    }
    status = HTTPStatus(error.status_code)
    return _response(status, details.get(status, str(error.detail)), headers=headers)


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - the same
    return _invalid_response([_field_error(mistake) for mistake in error.errors()[:_MAX_ERRORS]])


def _field_error(mistake: Mapping[str, Any]) -> dict[str, str]:
    if mistake["type"] == "json_invalid":  # its place is an offset, which is no field
        reason = mistake.get("ctx", {}).get("error", "")
        return {"field": "body", "message": f"is not JSON: {reason} at offset {mistake['loc'][-1]}"}
    field = ".".join(str(part)[:64] for part in mistake["loc"])
    return {"field": field, "message": str(mistake["msg"]).removeprefix("Value error, ")[:200]}


def _invalid_response(errors: list[dict[str, str]]) -> Response:
    detail = f"{errors[0]['field']}: {errors[0]['message']}"
    return _response(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors)


async def _database_away(_request: Request, _error: Exception) -> Response:
    return database_away()


async def _broker_away(_request: Request, _error: Exception) -> Response:
    return _away("The broker")  # of the cache, nobody asks what it cannot do without
