"""One kept-alive connection to the Collector: OTLP over HTTP, and what its answers mean."""

import http.client
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

_PATH = "/v1/traces"
_TRY_AGAIN = frozenset(
    (
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    )
)
_HEADERS = {"Content-Type": "application/x-protobuf"}


@dataclass(frozen=True)
class Answer:
    """What became of a request."""

    accepted: bool
    again: bool = False
    """Whether the same request may be accepted later."""
    after: float | None = None
    """Seconds to wait, where the Collector says so."""
    reason: str = ""


class Collector:
    """Takes requests, one at a time, from one thread."""

    def __init__(self, endpoint: str, *, timeout: float) -> None:
        """Connect when first needed."""
        address = urlsplit(endpoint)
        make = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._connection = make(address.hostname or "", address.port, timeout=timeout)
        self._path = address.path.rstrip("/") + _PATH

    def post(self, body: bytes) -> Answer:
        """Send one request; an absent Collector is an answer too."""
        try:
            self._connection.request("POST", self._path, body, _HEADERS)
            response = self._connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return Answer(accepted=False, again=True, reason=type(error).__name__)
        if response.status < HTTPStatus.MULTIPLE_CHOICES:
            return Answer(accepted=True)
        return Answer(
            accepted=False,
            again=response.status in _TRY_AGAIN,
            after=_seconds(response.getheader("Retry-After", "")),
            reason=f"HTTP {response.status}",
        )

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() else None
