"""Read a request's body as JSON, without trusting its size or its content.

What passes here can be stored and given out again: no NaN, no infinity, no half of a character. Python's parser takes all
three, and each would fail later, as an error of ours instead of the sender's.
"""

import json
from typing import Any, Never

from starlette.requests import ClientDisconnect, Request


class BodyError(Exception):
    """The body is not the JSON object it should be, or does not say that it is one."""


class TooLargeError(BodyError):
    """The body is larger than the service takes."""


async def read_object(request: Request, *, limit: int) -> dict[str, Any]:
    """Return the JSON object in the body, read in pieces and no further than the limit."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise BodyError(f"content type {content_type or 'missing'}, and not application/json")
    body = await _read(request, limit=limit)
    try:
        value = json.loads(body, parse_constant=_refuse)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise BodyError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BodyError("not a JSON object")
    return value


async def _read(request: Request, *, limit: int) -> bytes:
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > limit:
                raise TooLargeError(f"larger than {limit} bytes")
    except ClientDisconnect as error:
        raise BodyError("the sender hung up") from error
    return bytes(body)


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is no JSON value")
