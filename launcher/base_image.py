"""`debian:trixie-slim`, which every image we build stands on: pulled, or made by debootstrap where no registry answers."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from launcher import engine
from launcher.problem import Problem
from launcher.processes import run

if TYPE_CHECKING:
    from launcher.engine import Say

NAME = "debian:trixie-slim"
_SUITE = "trixie"
# What upstream's slim variant leaves out too, and apt's leftovers.
_NOT_NEEDED = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "var/lib/apt/lists",
    "var/cache/apt/archives",
)


def make(say: Say) -> None:
    """Make the base image from Debian packages (about 30 s).

    Raises:
        Problem: Not root, not Debian-like, or the mirror does not answer.
    """
    if os.geteuid() != 0:
        raise Problem(
            f"{NAME} cannot be pulled, and only root can make it",
            "run this as root, or make a registry reachable",
        )
    if not shutil.which("debootstrap"):
        say("installing debootstrap (apt)")
        engine.install("debootstrap")
    mirror = engine.debian_mirror()
    say(f"{NAME} cannot be pulled: making it from packages (debootstrap, about 30 s)")
    # not /tmp, which may be mounted without devices, and the tree has some
    with tempfile.TemporaryDirectory(prefix="stratum-base-", dir="/var/tmp") as name:
        tree = Path(name) / "root"
        command = ["debootstrap", "--variant=minbase", _SUITE, str(tree), mirror]
        run(command, what="debootstrap", remedy="is the Debian mirror reachable?", within=900)
        for path in _NOT_NEEDED:
            shutil.rmtree(tree / path, ignore_errors=True)
            (tree / path).mkdir(parents=True)
        archive = Path(name) / "root.tar"
        run(["tar", "-C", str(tree), "-cf", str(archive), "."], what="packing the base image")
        changes = ['CMD ["bash"]', f'LABEL org.opencontainers.image.vendor="{BUILT_HERE}"']
        options = [word for change in changes for word in ("--change", change)]
        run(["docker", "import", *options, str(archive), NAME], what="importing the base image")


BUILT_HERE = "Stratum observability stack, built from packages"
"""The vendor label of what was built on this machine; what was pulled has another one, or none."""
