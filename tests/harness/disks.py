"""Small disks for a private stack, so that one can be filled without filling the machine's.

A volume on tmpfs is as small as it is told to be, but it is empty again once no container uses it.
So one container of ours uses it from the start to the end of the stack, and what was written outlives
a stop or a kill of its service as on any other volume.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import docker
import yaml

from harness.sweeping import ONE_OFF, PROJECT

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {"redis-broker-data": "size=128m,uid=999,gid=999,mode=0700"}
"""Volumes of docker-compose.yml, with the options of their tmpfs. The broker writes all the time, says when a write
failed, and goes on by itself once there is room."""


def describe(folder: Path) -> Path:
    """Write a Compose file that makes the small volumes so, to be read after docker-compose.yml."""
    path = folder / "disks.yml"
    volumes = {
        name: {"driver": "local", "driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": options}}
        for name, options in SMALL.items()
    }
    path.write_text(yaml.safe_dump({"volumes": volumes}))
    return path


def hold(project: str, image: str) -> None:
    """Keep what is on the small volumes for as long as the stack exists."""
    client = docker.from_env()
    try:
        client.containers.run(
            image,
            ["sleep", "infinity"],
            detach=True,
            labels={PROJECT: project, ONE_OFF: "True"},
            volumes={f"{project}_{name}": {"bind": f"/disks/{name}", "mode": "ro"} for name in SMALL},
            network_mode="none",
            user="65534:65534",
            read_only=True,
            cap_drop=["ALL"],
            mem_limit="16m",
        )
    finally:
        client.close()
