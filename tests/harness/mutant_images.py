"""Images of a broken copy: our own services are built into images, so a patch of their sources needs one of its own.

Both of our images get the copy's tag: the one that is broken by a build, the other by a second name for the checkout's.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from launcher.environment import Environment
from launcher.processes import run, succeeds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# folder of the sources: the service that is built from it, and the image
_OURS = {"sample_app": ("api", "stratum/sample-app"), "inbox": ("inbox", "stratum/inbox")}
_CHANGED = re.compile(r"^\+\+\+ b/([\w-]+)/", re.MULTILINE)


def changed(patch: str) -> set[str]:
    """Name the folders of a patch whose sources are in an image."""
    return set(_CHANGED.findall(patch)) & _OURS.keys()


@contextmanager
def built(patch: str, tree: Path) -> Iterator[dict[str, str]]:
    """Build what a patch changes, and yield the setting that makes a stack of the copy run it; {} if it changes none."""
    folders = changed(patch)
    if not folders:
        yield {}
        return
    tag = tag_of(tree.parent)
    environment = Environment.for_project(
        tag, root=tree, folder=tree / "build" / tag, overrides={"STRATUM_RELEASE": tag}
    )
    environment.prepare()
    try:
        for folder, (service, image) in _OURS.items():
            if folder in folders:
                run(environment.compose("build", service), what=f"building {image} for a mutant")
            else:
                run(["docker", "tag", f"{image}:dev", f"{image}:{tag}"], what=f"tagging {image}")
        yield {"STRATUM_RELEASE": tag}
    finally:
        remove(tag)


def tag_of(folder: Path) -> str:
    """Return the tag of the images that belong to a copy's folder."""
    return f"mutant-{folder.name.rpartition('-')[2]}"


def remove(tag: str) -> None:
    """Take the names of a copy's images away, and what only they named."""
    for _, image in _OURS.values():
        succeeds(["docker", "image", "rm", "--force", f"{image}:{tag}"])
