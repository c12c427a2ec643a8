"""How many users there are, when."""

from __future__ import annotations

from typing import ClassVar

from locust import LoadTestShape

from loadtests.settings import Settings


class Steady(LoadTestShape):
    """All users within three seconds, then the same rate to the end."""

    run: ClassVar[Settings] = Settings.from_environment()
    ramp_seconds: ClassVar[float] = 3.0

    def tick(self) -> tuple[int, float] | None:
        """Say how many users there should be now, and how fast they come; None ends the run."""
        if self.get_run_time() >= self.run.seconds:
            return None
        return self.run.users, self.run.users / self.ramp_seconds
