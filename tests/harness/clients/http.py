"""HTTP with the two things requests leaves out: a timeout always, and errors that keep the body.

A store that is away (connection refused, 502 to 504) is not an error here but `NotYet`:
in a stack under test stores stop and start, and whoever asked is waiting anyway.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import requests

from harness.eventually import NotYet

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = Any  # what a service answers; whoever reads it knows its shape

_IDLE_SECONDS = 4.0  # uvicorn ends a connection that was not used for 5
_AWAY = {502, 503, 504}
_BODY_SHOWN = 600


class Refused(requests.HTTPError):
    """A store understood the question and said no; the message has its words."""

    def __init__(self, response: requests.Response) -> None:
        asked = f"{response.request.method} {response.url}"
        words = " ".join(response.text.split())[:_BODY_SHOWN] or "(empty body)"
        super().__init__(f"{asked}: {response.status_code} {response.reason}: {words}", response=response)


class Session(requests.Session):
    """A session for one service: paths are taken from its address, requests always end."""

    def __init__(
        self, address: str = "", *, timeout: float = 5.0, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self.address = address.rstrip("/")
        self.timeout = timeout
        self.trust_env = False  # a proxy of the machine is not for loopback
        self.headers.update(headers or {})
        self._idle = Lock()
        self._asked_at = time.monotonic()

    def request(
        self, method: str | bytes, url: str | bytes, *args: Json, **options: Json
    ) -> requests.Response:
        """Send a request; a path is completed with the session's address."""
        options.setdefault("timeout", self.timeout)
        self._forget_idle_connections()
        target = url.decode() if isinstance(url, bytes) else url
        if target.startswith("/"):
            target = self.address + target
        return super().request(method, target, *args, **options)

    def _forget_idle_connections(self) -> None:
        """Begin anew after a pause: the other side may be ending the connection at this very moment."""
        with self._idle:
            before, self._asked_at = self._asked_at, time.monotonic()
            if self._asked_at - before > _IDLE_SECONDS:
                self.close()

    def json(self, path: str, **params: str | float | None) -> Json:
        """Return the JSON that GET *path* answers.

        Raises:
            NotYet: The service is away.
            Refused: It answered anything but 2xx.
        """
        wanted = {name: value for name, value in params.items() if value is not None}
        try:
            response = self.get(path, params=wanted)
        except (requests.ConnectionError, requests.Timeout) as failure:
            raise NotYet(f"no answer from {self.address}: {cause(failure)}") from None
        if response.status_code in _AWAY:
            raise NotYet(f"{response.status_code} from {self.address}: {response.text[:120].strip()}")
        if not response.ok:
            raise Refused(response)
        return response.json()


def cause(failure: BaseException) -> str:
    """Name the innermost reason: requests wraps it in three layers of retries."""
    text = str(failure)
    for known in ("Connection refused", "Read timed out", "Connection reset", "closed connection"):
        if known in text:
            return known.lower()
    return type(failure).__name__
