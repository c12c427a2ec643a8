"""Break one thing at a time, in a copy of the tree, and see a named test go red.

    python -m harness.mutation [--needs nothing|images|stack] [PART_OF_A_NAME]

A mutant is a file of tests/mutants: three lines that say what it breaks, who must notice and what that needs,
and below them the change, as a diff. A test that stays green over its mutant proves less than it seems to.

What needs a stack gets a private one of the copy, with images of its own where the patch changes what is in them.

Only a FAILED test is a kill: whatever keeps a test from running (a typing error in the patch, a fixture that broke,
a name that no longer exists) would otherwise look like vigilance.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from subprocess import PIPE, STDOUT, CompletedProcess, Popen
from subprocess import run as call
from tempfile import gettempdir
from typing import TYPE_CHECKING

from launcher.environment import ROOT
from launcher.problem import Problem
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from harness import mutant_images, nursery, sweeping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

NEEDS = ("nothing", "images", "stack")
KILLED, SURVIVED, STALE, NOT_RUN = "killed", "survived", "does not apply", "test did not run"
_COLOURS = {KILLED: "green", SURVIVED: "bold red"}
_HEADER = re.compile(
    r"breaks: (?P<breaks>\S.*)\nnoticed-by: (?P<noticed_by>\S.*)\nneeds: (?P<needs>\w+)\n\n*(?:diff --git |--- a/)"
)
# A mutant may make a loop endless; a stack takes as long as it takes.
_TIMEOUTS = {"nothing": 30, "images": 120, "stack": 300}
_OF_THE_CALLER = ("PYTEST_", "PYTHON", "GIT_", "COMPOSE_")
_NO_ENGINE = "unix:///dev/null"
_PREFIX = "stratum-mutant-"


class MalformedError(ValueError):
    """A patch without the header that says what it is."""


@dataclass(frozen=True)
class Mutant:
    """One way to break the project, and who must notice."""

    patch: Path
    breaks: str
    noticed_by: tuple[str, ...]
    needs: str

    @property
    def name(self) -> str:
        """What a person selects it by."""
        return self.patch.stem


@dataclass(frozen=True)
class Result:
    """What became of a mutant, and which test (or which words) said so."""

    verdict: str
    said: str
    seconds: float = 0.0
    printed: str = field(default="", repr=False)
    """All that pytest had to say."""


def parse(patch: Path) -> Mutant:
    """Read a mutant's header, or say that it has none."""
    match = _HEADER.match(patch.read_text(encoding="utf-8"))
    if match is None or match["needs"] not in NEEDS:
        raise MalformedError(f"{patch.name} does not begin with breaks:, noticed-by: and needs: {NEEDS}")
    return Mutant(patch, match["breaks"], tuple(match["noticed_by"].split()), match["needs"])


def mutants(root: Path = ROOT) -> list[Mutant]:
    """Read every mutant of a project."""
    return [parse(patch) for patch in sorted((root / "tests" / "mutants").glob("*.patch"))]


def copy(root: Path, tree: Path) -> None:
    """Copy what git tracks or would. Nothing is linked: a test that writes must not reach the checkout.

    The copy is a repository of its own, for tests that ask git, and so that `git apply` finds no other above it.
    """
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=root).stdout
    names = [
        name for name in filter(None, listed.split("\0")) if (root / name).is_file()
    ]  # or it was deleted
    for folder in {os.path.dirname(name) for name in names}:  # noqa: PTH120 - a hundred copies of a thousand files
        (tree / folder).mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copy(f"{root}/{name}", f"{tree}/{name}")
    _git("init", "--quiet", "--template=", cwd=tree)


def apply(mutant: Mutant, tree: Path, *options: str) -> str:
    """Break a copy, and return what git objects to: nothing, if the patch fits."""
    done = _git("apply", *options, str(mutant.patch.resolve()), cwd=tree)
    return done.stderr.strip() if done.returncode else ""


def judged(exit_code: int, output: str) -> Result:
    """Tell a test that failed from one that passed, and both from one that could not be asked."""
    failed = re.findall(r"^FAILED (.+?)(?: - |$)", output, re.MULTILINE)
    last = (output.strip().splitlines() or ["pytest said nothing"])[-1]
    if exit_code == 1 and failed:
        return Result(KILLED, failed[0])
    if exit_code == 0 and re.search(r"\d+ passed", last) and "skipped" not in last:
        return Result(SURVIVED, last)
    errors = re.findall(r"^ERROR:? (.+)", output, re.MULTILINE)
    return Result(NOT_RUN, errors[0] if errors else last)


@dataclass
class Bench:
    """Where mutants are tried: it makes copies, and ends what runs in them when the run is broken off."""

    root: Path = ROOT
    _running: set[int] = field(default_factory=set)  # leaders of process groups
    _closed: bool = False

    def attempt(self, tests: Iterable[str], needs: str, mutant: Mutant | None = None) -> Result:
        """Run tests in a copy of its own, broken by a mutant or (the baseline) by none."""
        began = time.monotonic()
        folder = sweeping.claim(Path(gettempdir()), f"{_PREFIX}{secrets.token_hex(4)}")
        try:
            tree = folder / "tree"  # a parent of its own: a test looks for paths of this machine
            tree.mkdir()
            copy(self.root, tree)
            objection = apply(mutant, tree) if mutant else ""
            result = Result(STALE, objection) if objection else self._judge(tree, tests, needs, mutant)
        finally:
            if needs == "stack":  # a test that ran into its time-out has left its own behind
                sweeping.sweep(folder / "tree" / "build" / "stacks")
            shutil.rmtree(folder, ignore_errors=True)
        return replace(result, seconds=time.monotonic() - began)

    def close(self) -> None:
        """End what runs, gently: a test with a stack takes it away first."""
        self._closed = True
        for leader in list(self._running):
            with suppress(ProcessLookupError):
                os.killpg(leader, signal.SIGINT)

    def _judge(self, tree: Path, tests: Iterable[str], needs: str, mutant: Mutant | None) -> Result:
        patch = mutant.patch.read_text(encoding="utf-8") if mutant and needs == "stack" else ""
        try:
            with mutant_images.built(patch, tree) as settings:
                # what a mutant breaks is known; what breaks without one has to be found, and the copy will be gone
                return self._run(tree, tests, needs, settings, traceback="no" if mutant else "short")
        except Problem as problem:
            return Result(NOT_RUN, str(problem))

    def _run(
        self, tree: Path, tests: Iterable[str], needs: str, settings: Mapping[str, str], *, traceback: str
    ) -> Result:
        if self._closed:
            return Result(NOT_RUN, "broken off")
        # other plugins take a second to load, and no test needs them
        options = ("-p", "pytest_timeout", "-p", "no:cacheprovider", f"--timeout={_TIMEOUTS[needs]}")
        arguments = ["-q", "-x", f"--tb={traceback}", "-rfE", *options, *tests]
        environment = {**_variables(needs), **settings}
        # an engine's client has threads, and a stack takes minutes: only what needs nothing is worth a fork
        run_pytest = nursery.run if needs == "nothing" else _run_anew
        leaders: list[int] = []

        def born(leader: int) -> None:
            leaders.append(leader)
            self._running.add(leader)
            if self._closed:  # meanwhile
                self.close()

        try:
            code, output = run_pytest(arguments, tree, environment, born)
        except BaseException:
            self.close()
            raise
        finally:
            self._running.difference_update(leaders)
        if self._closed:  # whatever it said on the way out, it said because we ended it
            return Result(NOT_RUN, "broken off")
        return replace(judged(code, output), printed=output)


def _run_anew(
    arguments: Sequence[str], cwd: Path, env: Mapping[str, str], born: Callable[[int], None]
) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", *arguments]
    with Popen(
        command, cwd=cwd, env=env, stdout=PIPE, stderr=STDOUT, text=True, start_new_session=True
    ) as process:
        born(process.pid)
        try:
            output, _ = process.communicate()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            process.communicate()  # it has a session of its own: nobody else tells it
            raise
    return process.returncode, output


def sweep(folder: Path) -> None:
    """Remove the copies that runs left behind which were killed outright, with their stacks and images."""
    for left in folder.glob(f"{_PREFIX}*"):
        owner = sweeping.owner_of(left)
        if owner is not None and not owner.lives:
            sweeping.sweep(left / "tree" / "build" / "stacks")
            mutant_images.remove(mutant_images.tag_of(left))
            shutil.rmtree(left, ignore_errors=True)


def run(chosen: Sequence[Mutant], bench: Bench, console: Console) -> int:
    """Try all, and print what became of each; 0 if every one was killed."""
    table = Table(
        Column("mutant", overflow="fold"),
        "verdict",
        "s",
        Column("seen by, or what was seen", overflow="fold"),
    )
    verdicts: list[str] = []
    with console.status("") as status:
        for needs in dict.fromkeys(mutant.needs for mutant in chosen):
            kind = [mutant for mutant in chosen if mutant.needs == needs]
            baseline = bench.attempt(sorted({test for mutant in kind for test in mutant.noticed_by}), needs)
            if baseline.verdict != SURVIVED:
                console.print(baseline.printed, markup=False, highlight=False)
                console.print(f"Without any mutant it is not green: {baseline.said}", markup=False)
                break
            for mutant, result in _side_by_side(kind, bench):
                verdicts.append(result.verdict)
                said = result.said if result.verdict == KILLED else f"{mutant.breaks}\n{result.said}"
                verdict = Text(result.verdict, _COLOURS.get(result.verdict, "yellow"))
                table.add_row(mutant.name, verdict, f"{result.seconds:.1f}", Text(said))
                so_far = f"{len(verdicts)} of {len(chosen)}: {mutant.name} {result.verdict}"
                status.update(so_far)
                if not console.is_terminal:  # there is no status line, and the table comes after the last one
                    console.print(so_far, markup=False)
    if verdicts:
        console.print(table)
        counts = [
            f"{verdicts.count(one)} {one}" for one in (KILLED, SURVIVED, STALE, NOT_RUN) if one in verdicts
        ]
        console.print(f"of {len(verdicts)} mutants: {', '.join(counts)}")
    if len(verdicts) < len(chosen):
        return 2  # without any mutant it was not green
    return int(set(verdicts) != {KILLED})


def _side_by_side(kind: Sequence[Mutant], bench: Bench) -> Iterator[tuple[Mutant, Result]]:
    # one stack at a time: two would fail each other's deadlines
    with ThreadPoolExecutor(1 if kind[0].needs == "stack" else os.cpu_count()) as pool:
        trials = {pool.submit(bench.attempt, one.noticed_by, one.needs, one): one for one in kind}
        try:
            for trial in as_completed(trials):
                yield trials[trial], trial.result()
        except BaseException:
            bench.close()
            pool.shutdown(cancel_futures=True)
            raise


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """Choose mutants and try them; what the shell gets."""
    parser = argparse.ArgumentParser(prog="harness.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("--needs", choices=NEEDS, help="only those that need no more and no less")
    parser.add_argument("part", nargs="?", default="", help="only those with this in their name")
    wanted = parser.parse_args(arguments)
    found = sorted(mutants(root), key=lambda mutant: NEEDS.index(mutant.needs))  # the cheap ones first
    chosen = [one for one in found if wanted.part in one.name and wanted.needs in {None, one.needs}]
    if any(one.needs == "stack" for one in chosen):
        sweep(Path(gettempdir()))
    if not chosen:
        parser.error(f"no mutant has {wanted.part!r} in its name")
    return run(chosen, Bench(root), Console())


def _git(*arguments: str, cwd: Path) -> CompletedProcess[str]:
    command = ["git", *arguments]
    done = call(command, cwd=cwd, env=_variables(), capture_output=True, text=True, check=False)
    if done.returncode and arguments[0] != "apply":
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done


def _variables(needs: str = "stack") -> dict[str, str]:
    """Leave the caller's pytest, Python and git out of it: a hook's GIT_DIR would lead git to the checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OF_THE_CALLER)}
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    # what needs no engine shall not find one
    return kept | alone | ({"DOCKER_HOST": _NO_ENGINE} if needs == "nothing" else {})


if __name__ == "__main__":
    # a CI that gives up leaves no copies behind either
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
