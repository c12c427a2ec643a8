"""How many users there are, when."""

from __future__ import annotations

from typing import ClassVar

from locust import LoadTestShape

from loadtests.settings import Settings


class Steady(LoadTestShape):
    """All users within three seconds, then the same rate to the end, then two seconds in which nobody begins anything.

    Without that pause locust's end can hit a user between "about to send" and "sent": a request that was counted here and
    never left.
    """

    run: ClassVar[Settings] = Settings.from_environment()
    ramp_seconds: ClassVar[float] = 3.0
    drain_seconds: ClassVar[float] = 2.0

    @property
    def is_over(self) -> bool:
        """Whether users should begin nothing more."""
        return bool(self.get_run_time() >= self.run.seconds)

    def tick(self) -> tuple[int, float] | None:
        """Say how many users there should be now, and how fast they come; None ends the run."""
        if self.get_run_time() >= self.run.seconds + self.drain_seconds:
            return None
        return self.run.users, self.run.users / self.ramp_seconds
