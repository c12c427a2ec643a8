"""What `make up` prints at the end, and writes to build/up.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from launcher.containers import WITHOUT_HEALTHCHECK
from launcher.measurements import Row, write
from launcher.up import ADDRESSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.canary import Evidence
    from launcher.containers import State
    from launcher.environment import Environment
    from launcher.up import Prepared, Watch

READY_ON_EMPTY_VOLUMES = 60.0
READY_ON_EXISTING_VOLUMES = 30.0
READY_FROM_NOTHING = 1200.0
"""Seconds (design, part 9)."""


def show(
    environment: Environment,
    states: Mapping[str, State],
    prepared: Prepared,
    evidence: Sequence[Evidence],
    watch: Watch,
) -> None:
    """Services with their addresses, the canary's trail, and how long it took."""
    console = Console()
    services = Table(
        "service",
        "address",
        "state",
        "ready after",
        title=f"project {environment.project}",
        title_justify="left",
    )
    for service in sorted(states, key=lambda name: (name not in ADDRESSES, name)):
        after = watch.ready_after.get(service)
        services.add_row(
            service,
            _address(environment, service),
            _state(states[service]),
            f"{after:.1f} s" if after else "",
        )
    console.print(services)
    console.print("\none canary, followed:")
    for found in evidence:
        line = (
            f"  {found.signal:13} {found.seconds:5.2f} s  {found.store}: {found.what}\n{'':24}{found.where}"
        )
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    secrets = f"Passwords and keys: {environment.secrets}/"
    console.print(f"\n[bold green]ready[/] - proved in {watch.seconds():.1f} s.  {secrets}", soft_wrap=True)
    built = sorted(service for service, origin in prepared.origins.items() if origin == "built")
    if built:
        console.print(
            f"Built here from packages, not pulled: {', '.join(built)}.", highlight=False, soft_wrap=True
        )


def record(
    environment: Environment,
    states: Mapping[str, State],
    prepared: Prepared,
    evidence: Sequence[Evidence],
    watch: Watch,
    *,
    fresh: bool,
) -> None:
    """The same as build/up.json."""
    on = "empty" if fresh else "existing"
    limit = READY_ON_EMPTY_VOLUMES if fresh else READY_ON_EXISTING_VOLUMES
    what = f"make up, images present, {on} volumes, to proved ready"
    if prepared.made_images:
        what, limit = "make up, no image present, to proved ready", READY_FROM_NOTHING
    ready = watch.seconds()
    rows = [Row(what=what, measured=ready, limit=limit, unit="s")]
    write(
        environment.folder / "up.json",
        rows,
        ready_seconds=round(ready, 2),
        images=dict(sorted(prepared.origins.items())),
        signals=[_as_json(found) for found in evidence],
        services=[
            {
                "service": service,
                "address": _address(environment, service),
                "state": _state(state),
                "ready_after": round(watch.ready_after.get(service, 0.0), 2),
            }
            for service, state in sorted(states.items())
        ],
    )


def _state(state: State) -> str:
    """A service without a healthcheck was probed from outside before this is called."""
    return "answers" if state.service in WITHOUT_HEALTHCHECK and state.is_ready else str(state)


def _address(environment: Environment, service: str) -> str:
    return environment.address(*ADDRESSES[service]) if service in ADDRESSES else ""


def _as_json(found: Evidence) -> dict[str, Any]:
    return {
        "signal": found.signal,
        "store": found.store,
        "seconds": round(found.seconds, 3),
        "what": found.what,
        "where": found.where,
    }
