"""The one way in: whatever shape a notification came in, it is kept, counted and logged here, in that order.

A sender is told "accepted" only after the notification is kept.
"""

from dataclasses import dataclass

import structlog
from starlette.requests import Request

from inbox.failures import Failures, Refusal
from inbox.metrics import Metrics
from inbox.notifications import Kind, Received, Receiver
from inbox.store import Store


@dataclass(frozen=True)
class Intake:
    """Takes in what the three kinds of senders send."""

    store: Store
    metrics: Metrics
    failures: Failures

    async def meet_failure(self, receiver: Receiver, request: Request) -> Refusal | None:
        """Fail as a test asked, if one did; what is returned is to be refused in the service's own words."""
        refusal = await self.failures.meet(receiver, request)
        if refusal:
            structlog.get_logger().warning(
                "failed_on_purpose", receiver=receiver, status_code=refusal.status_code
            )
        return refusal

    async def accept(self, received: Received) -> None:
        """Keep, count and log a notification."""
        notification = await self.store.add(received)
        self.metrics.count(received)
        structlog.get_logger().info(
            "notification_received",
            notification_id=notification.id,
            receiver=received.receiver,
            kind=received.kind,
            status=received.status,
            alertname=received.alertname,
            key=received.key,
        )

    def refuse(self, kind: Kind, *, reason: str) -> None:
        """Log what was refused and why; the reason never holds a key."""
        structlog.get_logger().warning("notification_refused", kind=kind, reason=reason)
