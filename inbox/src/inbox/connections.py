"""Let a request know the connection it came on, so that one can be broken off on purpose (inbox.failures)."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """uvicorn's own, whose requests carry the transport in their state."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP is all there is
        """Remember the transport for the requests to come."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)
