"""The application's own faults, switched on for a while and always off again."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.clients.api import Answer, Api
    from harness.faults import Fault

_FAULTS = "/internal/faults"


@dataclass(frozen=True)
class Saboteur:
    """Whoever holds the faults' key."""

    api: Api
    healed: list[Fault] = field(default_factory=list)  # what was switched on and is off again

    @contextmanager
    def fault(self, name: str, *, seconds: float = 120, **parameters: Any) -> Iterator[Fault]:  # noqa: ANN401 - JSON
        """Break one thing for as long as the block runs, and for so many seconds at the most."""
        from harness.faults import Fault  # noqa: PLC0415 - whoever only asks needs no Docker client

        answer = self._switch("PUT", name, json={"seconds": seconds, **parameters})
        if answer.status != HTTPStatus.OK:
            raise AssertionError(f"fault {name} was not switched on: {answer!r}")
        fault = Fault("on", name, at=answer.sent_at, seconds=time.time() - answer.sent_at)
        try:
            yield fault
        finally:
            fault.healed_at = time.time()
            self.heal(name)
            self.healed.append(fault)

    def heal(self, name: str) -> None:
        """Switch a fault off."""
        answer = self._switch("DELETE", name)
        if answer.status != HTTPStatus.NO_CONTENT:
            raise AssertionError(f"fault {name} was not switched off: {answer!r}")

    def crash(self) -> None:
        """End the API's process; Docker starts it again."""
        answer = self.api.send("POST", f"{_FAULTS}/crash")
        if answer.status != HTTPStatus.ACCEPTED:
            raise AssertionError(f"the API did not agree to end: {answer!r}")

    def what_is_on(self) -> list[str]:
        """Name the faults that are on."""
        return [fault["name"] for fault in self.api.send("GET", _FAULTS).body["faults"]]

    def _switch(self, method: str, name: str, **options: Any) -> Answer:  # noqa: ANN401 - JSON
        """Ask until there is an answer: to switch the same twice does no harm, and a fault left on would."""
        return self.api.answered(method, f"{_FAULTS}/{name}", **options)
