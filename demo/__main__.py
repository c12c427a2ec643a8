"""`python -m demo`: start a private stack in compressed time, play the scenes, clean up; non-zero if a step did not happen."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from alerting.injections import World
from demo.scenes import SCENES
from demo.stage import play
from harness.faults import Faults
from harness.plugin import ROOT
from harness.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from demo.stage import Played

FACTOR = 30.0
_MINUTES = 5.0


def main(arguments: list[str] | None = None) -> int:
    """Play every scene and say what came of each."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--no-wait", action="store_true", help="clean up at once, even at a terminal")
    wait = not parser.parse_args(arguments).no_wait and sys.stdin.isatty()
    console, began = Console(soft_wrap=True), time.monotonic()
    console.print(
        f"Three faults on a stack of its own, in which time is divided by {FACTOR:g}: a minute of a rule is two seconds."
    )
    stack = Stack.of_our_own(ROOT, factor=FACTOR)
    try:
        with console.status("starting it: about half a minute"):
            console.print(
                f"well after {stack.start():.0f} s: {stack.stores.inbox.address} shows who is told what"
            )
        console.print(f"names and passwords: {stack.environment.secrets}/\n")
        played = _played(stack, console)
        minutes = (time.monotonic() - began) / 60
        if wait:
            console.input("\nThe links work until you press Enter; then the stack is removed. ")
    finally:
        with console.status("removing the stack"):
            stack.remove()
    return verdict(console, played, minutes)


def _played(stack: Stack, console: Console) -> list[Played]:
    world = World(
        stack,
        Faults(stack),
        stack.stores.saboteur(),
        tuple(stack.stores.tenant(name) for name in ("acme", "retailx")),
    )
    found = []
    for scene in SCENES:
        with console.status(scene.title) as status:
            found.append(play(scene, world, status.update))
        show(console, found[-1])
    return found


def show(console: Console, played: Played) -> None:
    """Print what came of one scene."""
    table = Table(
        Column(no_wrap=True),
        Column(overflow="fold"),  # a link is whole, or it is none
        title=played.scene.title,
        title_justify="left",
        show_header=False,
        box=None,
        padding=(0, 2, 0, 0),
    )
    for fact in played.facts:
        table.add_row(
            f"[bold]{fact.what}", escape(fact.said) + (f"\n[blue]{escape(fact.link)}" if fact.link else "")
        )
    for reason in played.trouble:
        table.add_row("[bold red]did not happen", escape(reason))
    console.print(table, "")


def verdict(console: Console, played: Sequence[Played], minutes: float) -> int:
    """Print the last line, and return the exit code."""
    failed = [one.scene.title for one in played if one.trouble]
    console.print(
        f"{len(played) - len(failed)} of {len(played)} scenes went as promised, in {minutes:.1f} minutes"
    )
    if minutes > _MINUTES:
        console.print(f"[red]that is more than {_MINUTES:g} minutes")
    return 1 if failed or minutes > _MINUTES else 0


if __name__ == "__main__":
    sys.exit(main())
