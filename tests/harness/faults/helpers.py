"""Small containers that do, inside a private stack, what cannot be done from outside: the scripts of `inside/`.

Nothing is changed on the host, so nothing has to be swept there; they carry the stack's label, so they go with it.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.eventually import Probe, eventually
from harness.sweeping import ONE_OFF, PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import docker
    from docker.models.containers import Container

_INSIDE = Path(__file__).resolve().parent / "inside"


@dataclass(frozen=True)
class Helpers:
    """The helpers of one private stack."""

    client: docker.DockerClient
    project: str
    image: str  # one with Python that the stack has anyway

    def run(self, script: str, *arguments: str, **where: Any) -> str:  # noqa: ANN401 - what Docker's SDK takes
        """Run a script to its end, and return what it said."""
        said: bytes = self.client.containers.run(remove=True, **self._how(script, arguments, where))
        return said.decode()

    @contextmanager
    def running(self, script: str, *arguments: str, **where: Any) -> Iterator[Container]:  # noqa: ANN401 - as above
        """Run a script for as long as the block takes; it says "ready" when it is."""
        container = self.client.containers.run(detach=True, **self._how(script, arguments, where))
        try:
            said = Probe(
                f"{script} in {container.name}", f"docker logs {container.name}", partial(_said, container)
            )
            eventually(said, is_ready, within=30, every=0.05)
            yield container
        finally:
            container.remove(force=True)

    def _how(self, script: str, arguments: tuple[str, ...], where: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "image": self.image,
            "entrypoint": ["python3", "-I", "-S", f"/inside/{script}"],
            "command": list(arguments),
            "labels": {PROJECT: self.project, ONE_OFF: "True"},
            "volumes": {str(_INSIDE): {"bind": "/inside", "mode": "ro"}},
            "user": "0:0",
            "cap_drop": ["ALL"],
            "read_only": True,
            "security_opt": ["no-new-privileges:true"],
            "mem_limit": "64m",
            **where,
        }


def is_ready(said: str) -> None:
    """Expect a script that has begun its work."""
    assert said == "ready\n", f"said {said!r}"


def _said(container: Container) -> str:
    container.reload()  # its addresses are known once it runs
    return str(container.logs().decode(errors="replace"))
