"""Receivers that fail on purpose, because a test asked for it.

How Alertmanager copes with a service that refuses, throttles, hangs or breaks off is part of what this stack promises, and
the real services fail when they like. What is asked for is bounded twice, by a count and by a time, so that a test that
died leaves nothing broken behind it.
"""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request

from inbox.notifications import Receiver

Mode = Literal["400", "403", "404", "410", "429", "500", "503", "slow", "reset"]

_RESET_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """How a receiver shall fail, and for how long."""

    receiver: Receiver
    mode: Annotated[
        Mode, Field(description="A status code, or `slow`, or `reset`: the connection breaks off.")
    ]
    times: Annotated[int, Field(ge=1, le=1000, description="For so many requests, then no more.")] = 1
    seconds: Annotated[float, Field(gt=0, le=600, description="For so long, then no more.")] = 60.0
    delay: Annotated[float, Field(ge=0, le=30, description="Seconds that `slow` waits before it works.")] = (
        1.0
    )
    retry_after: Annotated[int, Field(ge=0, le=600, description="What 429 says in Retry-After.")] = 1


@dataclass(frozen=True)
class Refusal:
    """The status with which a request is to be refused."""

    status_code: int
    headers: dict[str, str]


class BrokenOffError(Exception):
    """The connection is gone; nobody is there to be answered."""


class Failures:
    """At most one failure a receiver; the last one asked for counts."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked: dict[Receiver, tuple[Failure, float, int]] = {}

    def ask(self, failure: Failure) -> None:
        """Let a receiver fail from now on."""
        self._asked[failure.receiver] = (failure, self._clock() + failure.seconds, failure.times)

    def forget(self) -> None:
        """Let every receiver work again."""
        self._asked.clear()

    def pending(self) -> list[Failure]:
        """What is still to come, with what is left of its count and its time."""
        now = self._clock()
        return [
            Failure(
                receiver=failure.receiver,
                mode=failure.mode,
                times=left,
                seconds=round(until - now, 3),
                delay=failure.delay,
                retry_after=failure.retry_after,
            )
            for failure, until, left in self._asked.values()
            if until > now
        ]

    async def meet(self, receiver: Receiver, request: Request) -> Refusal | None:
        """Fail as asked: wait, break off, or return with what to refuse; None when nothing was asked for.

        Raises:
            BrokenOffError: The connection was cut.
        """
        failure = self._take(receiver)
        if failure is None:
            return None
        if failure.mode == "slow":
            await asyncio.sleep(failure.delay)
            return None
        if failure.mode == "reset":
            _break_off(request)
            raise BrokenOffError
        retry = {"retry-after": str(failure.retry_after)} if failure.mode == "429" else {}
        return Refusal(int(failure.mode), retry)

    def _take(self, receiver: Receiver) -> Failure | None:
        failure, until, left = self._asked.pop(receiver, (None, 0.0, 0))
        if failure is None or until <= self._clock():
            return None
        if left > 1:
            self._asked[receiver] = (failure, until, left - 1)
        return failure


def _break_off(request: Request) -> None:
    """Cut the connection at once, as a network does: no answer and no orderly end."""
    transport: asyncio.Transport = request.state.transport  # inbox.connections
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
    transport.abort()
