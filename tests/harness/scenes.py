"""What is seen of a failure at the moment it happens, and how it comes to stand first in the report.

A fault in a `with` is healed while the exception goes up, a stack that did not start is removed: whoever looks
afterwards finds everything well.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from _pytest._code.code import TerminalRepr

from harness import machine

if TYPE_CHECKING:
    from pathlib import Path

    from _pytest._io import TerminalWriter

    from harness.stack import Stack


@dataclass
class Scenes:
    """What each failure looked like when it happened: later its fault is healed, or the stack is gone."""

    stack: Stack
    folder: Path  # of the folders of all failed tests
    test: str
    began: float = field(default_factory=time.time)
    before: machine.Processors = field(default_factory=machine.Processors.now)
    gone: bool = False
    _seen: list[tuple[BaseException, str, str]] = field(default_factory=list)

    def begin(self, test: str) -> None:
        """Begin a test, which has no traces of its own yet."""
        self.test, self.began, self.before = test, time.time(), machine.Processors.now()
        self.stack.sent.clear()

    def look(self, failure: BaseException) -> None:
        """Ask everybody about a failure, if it is the first of its test."""
        if self.test not in [test for _, test, _ in self._seen]:
            self._diagnose(failure)

    def of(self, failure: BaseException) -> str:
        """Return what was seen of a failure, or of the one that led to it; look now if nobody has."""
        chain: list[BaseException] = []
        current: BaseException | None = failure
        while current is not None and current not in chain:
            chain.insert(0, current)
            current = current.__cause__ or current.__context__
        for one in chain:
            for seen, _, said in self._seen:
                if seen is one:
                    return said
        return self._diagnose(failure)

    def _diagnose(self, failure: BaseException) -> str:
        from harness import diagnostics  # noqa: PLC0415 - runs without a stack need no Docker client

        now = time.time()
        meanwhile = f"{machine.Processors.now().since(self.before)}; {machine.memory()}"
        known = diagnostics.Failure(
            self.test, str(failure), at=now, after=now - self.began, machine=meanwhile
        )
        said = diagnostics.collect(self.stack, known, folder=self.folder)
        self._seen.append((failure, self.test, said))
        return said


@dataclass(eq=False)
class Explained(TerminalRepr):
    """A failure as pytest shows it, below the lines that a person reads first."""

    first: str
    shown: Any

    @property
    def reprcrash(self) -> Any:  # noqa: ANN401 - pytest's own; its short summary asks for it
        """Where it failed, in a line."""
        return getattr(self.shown, "reprcrash", None)

    def toterminal(self, tw: TerminalWriter) -> None:
        """Print both."""
        for line in self.first.splitlines():
            tw.line(line, bold=True)
        tw.line()
        self.shown.toterminal(tw)
