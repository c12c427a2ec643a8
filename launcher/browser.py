"""The browser that tests look at pages with: the distribution's Chromium, installed where it is missing."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from launcher.engine import install
from launcher.problem import Problem

if TYPE_CHECKING:
    from launcher.engine import Say

_NAMES = ("chromium", "chromium-browser")
# a minimal machine has no fonts, and pages would be shown without letters
_PACKAGES = ("chromium", "fonts-dejavu-core")

OPTIONS = (
    "--no-sandbox",  # root has none; only pages of our own are opened
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""For a browser that looks at one page and talks to nobody else."""


def ensure(say: Say) -> str:
    """Return Chromium's path; install it first if it is missing.

    Raises:
        Problem: It is missing, and this user or this machine does not allow us to install it.
    """
    found = _found()
    if found:
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Problem(
            "no Chromium, which the browser tests need", "install the package `chromium`, or run this as root"
        )
    say("Chromium is missing: installing it (apt)")
    install(*_PACKAGES, unless=_found)  # the processes of a test run ask at once
    return _found() or _missing_still()


def _found() -> str | None:
    return next((path for path in map(shutil.which, _NAMES) if path), None)


def _missing_still() -> str:
    raise Problem(
        "the package `chromium` was installed and brought no program of that name", "see `dpkg -L chromium`"
    )
