"""No body larger than 1 MiB is read, whether its size is declared or comes in chunks.

Our own, since FastAPI's `max_body_size` answers a declared size past the exception handlers, in plain text.
Here the refusal is raised inside the route, so that it is a problem like any other and counted under its route.
"""

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 1024 * 1024
_TOO_LARGE = 413


class BodyLimit:
    """Counts what is read of a body and stops at the limit."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY:
                raise HTTPException(_TOO_LARGE)
            return message

        await self._app(scope, receive_counted, send)


async def refuse_declared_size(request: HTTPConnection) -> None:
    """Refuse a body that says that it is too large, also where no body is read."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > MAX_BODY:
        raise HTTPException(_TOO_LARGE)
