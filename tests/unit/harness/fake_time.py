"""Time that passes when somebody sleeps: what tests of waiting get for a clock."""

from __future__ import annotations

from harness.eventually import Clock


class FakeTime:
    """Seconds since it was made, and every nap that was taken."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.naps: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.naps.append(seconds)
        self.passed += seconds

    @property
    def clock(self) -> Clock:
        """The clock that `eventually` gets."""
        return Clock(lambda: self.passed, self.sleep)
