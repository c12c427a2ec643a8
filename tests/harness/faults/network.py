"""What can be done to a container's network. The host's own is never touched, so a crash leaves nothing there.

A container that is cut off from all is taken off its network, as with the plug pulled: its name goes, too.
Between two services the way is more subtle, since all others must reach both as ever: each of the two is told that the
other has another hardware address, where nobody is (a cut) or where a wire of ours is (slow, or resetting).
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import docker
    from docker.models.containers import Container

    from harness.faults.helpers import Helpers

_NOBODY = "02:00:00:00:00:01"


@contextmanager
def cut_off(container: Container, client: docker.DockerClient) -> Iterator[None]:
    """Take it off its networks, and give it back its names in the end; its address may be another."""
    networks = client.networks
    names = dict(container.attrs["NetworkSettings"]["Networks"])
    try:
        for name in names:
            networks.get(name).disconnect(container)
        yield
    finally:
        container.reload()
        connected = container.attrs["NetworkSettings"]["Networks"]
        for name, was in names.items():
            if name not in connected:
                networks.get(name).connect(container, aliases=was["Aliases"])


@dataclass(frozen=True)
class Between:
    """The network between the containers of two services; it lasts until one of them restarts."""

    helpers: Helpers
    ones: Sequence[Container]
    others: Sequence[Container]

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Lose everything that one sends the other; nobody is told."""
        with self._led_to(_NOBODY):
            yield

    @contextmanager
    def wired(self, **properties: float) -> Iterator[None]:
        """Lead what passes between them over a wire with these properties (see inside/wire.py)."""
        both = [_endpoint(container) for container in (*self.ones, *self.others)]
        settings = {"hardware": {one["IPAddress"]: one["MacAddress"] for one in both}, **properties}
        where = {
            "network": _network(self.ones[0]),
            "cap_add": ["NET_RAW"],
            "sysctls": {"net.ipv4.ip_forward": "0"},  # the kernel would be quicker than the wire
        }
        with ExitStack() as healing:
            wire = healing.enter_context(self.helpers.running("wire.py", json.dumps(settings), **where))
            healing.enter_context(self._led_to(_endpoint(wire)["MacAddress"]))
            yield

    @contextmanager
    def _led_to(self, hardware: str) -> Iterator[None]:
        sides = [(one, _addresses(self.others)) for one in self.ones]
        sides += [(other, _addresses(self.ones)) for other in self.others]
        with ExitStack() as healing, ThreadPoolExecutor(max_workers=len(sides)) as several:
            for container, peers in sides:
                healing.callback(self._tell, container, "forget", *peers)
            list(several.map(lambda side: self._tell(side[0], "set", hardware, *side[1]), sides))
            yield

    def _tell(self, container: Container, *words: str) -> None:
        container.reload()
        if words[0] == "forget" and container.status != "running":
            return  # its network went with it, and what it was told
        where = {"network_mode": f"container:{container.id}", "cap_add": ["NET_ADMIN"]}
        self.helpers.run("neighbours.py", *words, **where)


def _network(container: Container) -> str:
    (name,) = container.attrs["NetworkSettings"]["Networks"]
    return str(name)


def _endpoint(container: Container) -> dict[str, Any]:
    return dict(container.attrs["NetworkSettings"]["Networks"][_network(container)])


def _addresses(containers: Sequence[Container]) -> list[str]:
    return [_endpoint(container)["IPAddress"] for container in containers]
