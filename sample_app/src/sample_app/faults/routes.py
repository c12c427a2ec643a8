"""Switches for whoever holds the faults' key: what can break, what is broken, break it, heal it."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path

from sample_app.auth import require_key
from sample_app.faults.actors import Actors, Faults
from sample_app.faults.catalogue import ALL, BY_NAME, Fault
from sample_app.faults.switchboard import Active, AsyncSwitchboard
from sample_app.problems import ProblemError

_CRASHED = 70
_ANSWER_SECONDS = 0.1


def make_router(faults: Faults) -> APIRouter:
    """Return the routes; included only where faults are allowed."""
    switchboard, actors = faults.switchboard, faults.actors

    def allowed(authorization: Annotated[str | None, Header(include_in_schema=False)] = None) -> None:
        require_key(faults.key, authorization, name="faults")

    router = APIRouter(prefix="/internal/faults", include_in_schema=False, dependencies=[Depends(allowed)])

    @router.get("")
    async def what_is_on() -> dict[str, Any]:
        await switchboard.look()
        return {"faults": [_view(active) for active in switchboard.all()], "possible": sorted(BY_NAME)}

    @router.delete("", status_code=HTTPStatus.NO_CONTENT)
    async def heal_all() -> None:
        await switchboard.off()

    @router.post("/crash", status_code=HTTPStatus.ACCEPTED)
    async def crash() -> dict[str, str]:
        asyncio.get_running_loop().call_later(_ANSWER_SECONDS, os._exit, _CRASHED)
        return {"status": "this process ends now"}

    @router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT)
    async def heal(name: Annotated[str, Path(max_length=64)]) -> None:
        if name not in BY_NAME:
            raise ProblemError(
                HTTPStatus.NOT_FOUND, f"There is no such fault; there are {', '.join(BY_NAME)}."
            )
        await switchboard.off(name)

    for kind in ALL:
        router.add_api_route(f"/{kind.name}", _switch(kind, switchboard, actors), methods=["PUT"])
    return router


def _switch(
    kind: type[Fault], switchboard: AsyncSwitchboard, actors: Actors
) -> Callable[..., Awaitable[dict[str, Any]]]:
    async def switch_on(fault: Fault) -> dict[str, Any]:
        active = await switchboard.on(fault)
        actors.start(active)
        return _view(active)

    switch_on.__annotations__["fault"] = kind  # each route validates its own parameters
    switch_on.__doc__ = kind.__doc__
    return switch_on


def _view(active: Active) -> dict[str, Any]:
    return {"name": active.fault.name, "until": active.until, **active.fault.model_dump()}
