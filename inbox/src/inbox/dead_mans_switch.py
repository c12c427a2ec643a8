"""The dead man's switch: raises an alarm of its own when the Watchdog has not been heard for too long.

No alert can say that alerts do not arrive. So the Watchdog fires always, Alertmanager sends it every minute, and what is
watched here is its absence. What was raised is kept like any notification, so that a restart neither forgets nor
repeats it.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from inbox.intake import Intake
from inbox.metrics import Metrics
from inbox.notifications import Notification, Received, Status
from inbox.store import Filter, Store

_LOOKS_IN_A_PATIENCE = 10


class DeadMansSwitch:
    """Watches for one Watchdog.

    Args:
        intake: Where its own notifications go in.
        patience: Seconds of silence that are no alarm yet.
        start: Seconds that a stack may take to start; nothing is expected to be heard before.
        links: The address of this inbox, as a person opens it.
        clock: The time, in seconds.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        patience: float,
        start: float,
        links: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._intake = intake
        self._patience = patience
        self._links = links.rstrip("/")
        self._clock = clock
        self._began = clock() + start

    async def watch(self) -> None:
        """Look again and again, until cancelled; no failure of a look ends it, such as a disk that is full for a while."""
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - nobody else would say that no alert arrives
                structlog.get_logger().error("watchdog_not_judged", exc_info=error)
            await asyncio.sleep(self._patience / _LOOKS_IN_A_PATIENCE)

    async def look(self) -> None:
        """Raise or resolve the alarm, if there is a reason to, and measure."""
        heard = await _newest(self._store, Filter(receiver="watchdog", limit=1))
        raised = await _newest(self._store, Filter(receiver="dead-mans-switch", limit=1))
        heard_at = heard.received_at if heard else 0.0
        silent_for = self._clock() - max(heard_at, self._began)
        alarmed = raised is not None and raised.status == "firing"
        # after a restart in the silence, the time to start must not look like an all-clear
        unheard_since = alarmed and raised is not None and heard_at <= raised.received_at
        is_silent = silent_for > self._patience or unheard_since
        self._metrics.watchdog(heard_at=heard_at, is_silent=is_silent)
        if is_silent != alarmed:
            await self._intake.accept(self._notice("firing" if is_silent else "resolved", silent_for))

    @property
    def _store(self) -> Store:
        return self._intake.store

    @property
    def _metrics(self) -> Metrics:
        return self._intake.metrics

    def _notice(self, status: Status, silent_for: float) -> Received:
        summary = (
            f"The Watchdog has not been heard for {silent_for:.0f} s: no alert reaches anyone"
            if status == "firing"
            else "The Watchdog is heard again: alerts arrive"
        )
        return Received(
            receiver="dead-mans-switch",
            kind="inbox",
            status=status,
            alertname="Watchdog",
            severity="critical",
            about="the whole platform",
            key="watchdog-not-heard",
            summary=summary,
            links={
                "runbook": f"{self._links}/runbooks/Watchdog",
                "dashboard": f"{self._links}/alerts/Watchdog",
            },
            payload={"patience_seconds": self._patience},
        )


async def _newest(store: Store, wanted: Filter) -> Notification | None:
    found = await store.read(wanted)
    return found[-1] if found else None
