"""What is a mutant, what is a kill, and what only looks like one; on a project of two files."""

from __future__ import annotations

import io
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from launcher.problem import Problem
from rich.console import Console

from harness import mutation, nursery, sweeping
from harness.eventually import NotYet, Probe, eventually
from harness.mutation import KILLED, NOT_RUN, STALE, SURVIVED, Bench, Mutant, Result, judged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

CODE = "def double(number):\n    return number * 2\n"
TEST = """\
import pytest
from code_under_test import double

@pytest.fixture
def two():
    return double(1)

def test_double():
    assert double(2) == 4

def test_careless():
    assert double(2)

def test_with_a_fixture(two):
    assert two == 2
"""
WRONG = "return number * 3"


def change(line: str) -> str:
    """A diff that puts another line in the place of the one that works."""
    return f"""\
--- a/code_under_test.py
+++ b/code_under_test.py
@@ -1,2 +1,2 @@
 def double(number):
-    return number * 2
+    {line}
"""


def patch(line: str = WRONG, *, noticed_by: str = "test_code.py::test_double", needs: str = "nothing") -> str:
    return f"breaks: doubling, for everybody\nnoticed-by: {noticed_by}\nneeds: {needs}\n\n{change(line)}"


@pytest.fixture(scope="module", autouse=True)
def small_nursery() -> Iterator[None]:
    """One that has imported no more than two files need, and that nobody else is given."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(nursery, "_OF_OTHERS", ("pytest",))
        patched.setattr(nursery, "_idle", [])
        yield
        nursery.close()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two files and no mutant yet; its copies are made beside it."""
    root, copies = tmp_path / "project", tmp_path / "copies"
    (root / "tests" / "mutants").mkdir(parents=True)
    copies.mkdir()
    (root / "code_under_test.py").write_text(CODE)
    (root / "test_code.py").write_text(TEST)
    (root / ".gitignore").write_text("ignored\n")
    (root / "ignored").write_text("x")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    monkeypatch.setattr(tempfile, "tempdir", str(copies))
    return root


def added(project: Path, text: str, name: str = "wrong") -> Mutant:
    file = project / "tests" / "mutants" / f"{name}.patch"
    file.write_text(text)
    return mutation.parse(file)


class Scripted(Bench):
    """A bench that knows what becomes of each mutant, and of the run without one by what that needs."""

    def __init__(self, **verdicts: str) -> None:
        super().__init__()
        self.verdicts = dict.fromkeys(mutation.NEEDS, SURVIVED) | verdicts

    def attempt(self, tests: Iterable[str], needs: str, mutant: Mutant | None = None) -> Result:
        """Say it."""
        return Result(self.verdicts[mutant.name if mutant else needs], f"{needs} {' '.join(tests)}")


def tried(project: Path, bench: Bench) -> tuple[int, str]:
    """Run the command on the project; its exit code and what it printed."""
    printed = io.StringIO()
    return mutation.run(
        mutation.mutants(project), bench, Console(file=printed, width=200)
    ), printed.getvalue()


def test_a_mutant_says_what_it_breaks_who_notices_and_what_it_needs(project: Path) -> None:
    mutant = added(project, patch(noticed_by="test_code.py::test_double test_code.py", needs="images"))

    assert (mutant.name, mutant.breaks) == ("wrong", "doubling, for everybody")
    assert mutant.noticed_by == ("test_code.py::test_double", "test_code.py")
    assert mutant.needs == "images"


@pytest.mark.parametrize(
    "text",
    [
        "",
        change(WRONG),
        patch().replace("breaks: ", ""),
        patch(noticed_by=""),
        patch(needs="luck"),
        patch().split("---", maxsplit=1)[0],
    ],
    ids=["empty", "no header", "no breaks", "nobody", "needs", "no diff"],
)
def test_a_patch_without_its_header_is_refused_by_name(project: Path, text: str) -> None:
    with pytest.raises(mutation.MalformedError, match=r"wrong\.patch"):
        added(project, text)


def test_one_is_killed_and_one_survives_and_the_survivor_sets_the_exit_code(project: Path) -> None:
    added(project, patch(), "noticed")
    assert tried(project, Scripted(noticed=KILLED))[0] == 0

    added(project, patch(noticed_by="test_code.py::test_careless"), "unnoticed")
    code, printed = tried(project, Scripted(noticed=KILLED, unnoticed=SURVIVED))

    assert code == 1
    assert "of 2 mutants: 1 killed, 1 survived" in printed
    assert "test_code.py::test_double" in printed
    assert "doubling, for everybody" in printed


def test_where_nobody_sees_a_status_line_each_verdict_is_a_line_at_once(project: Path) -> None:
    added(project, patch(), "first")
    added(project, patch(), "second")

    _, printed = tried(project, Scripted(first=KILLED, second=SURVIVED))
    assert sorted(re.findall(r"^(\d) of 2: (?:first killed|second survived)$", printed, re.MULTILINE)) == [
        "1",
        "2",
    ]


@pytest.mark.parametrize("verdict", [SURVIVED, STALE, NOT_RUN])
def test_whatever_is_no_kill_sets_the_exit_code(project: Path, verdict: str) -> None:
    added(project, patch())
    assert tried(project, Scripted(wrong=verdict))[0] == 1


def test_a_careless_test_lets_a_mutant_survive(project: Path) -> None:
    mutant = added(project, patch(noticed_by="test_code.py::test_careless"))
    assert Bench(project).attempt(mutant.noticed_by, "nothing", mutant).verdict == SURVIVED


def test_a_patch_that_no_longer_fits_is_reported(project: Path) -> None:
    mutant = added(project, patch())
    (project / "code_under_test.py").write_text(CODE.replace("number", "value"))
    result = Bench(project).attempt(mutant.noticed_by, "nothing", mutant)

    assert result.verdict == STALE
    assert "patch failed: code_under_test.py:1" in result.said


@pytest.mark.parametrize(
    ("line", "test"),
    [("return (", "test_double"), (WRONG, "test_renamed"), ("raise OSError", "test_with_a_fixture")],
    ids=["collection", "no such test", "fixture"],
)
def test_a_test_that_could_not_be_asked_has_killed_nothing(project: Path, line: str, test: str) -> None:
    mutant = added(project, patch(line, noticed_by=f"test_code.py::{test}"))
    result = Bench(project).attempt(mutant.noticed_by, "nothing", mutant)

    assert result.verdict == NOT_RUN
    assert result.said


def test_a_test_that_fails_without_a_mutant_proves_nothing(project: Path) -> None:
    added(project, patch())
    code, printed = tried(project, Scripted(nothing=KILLED))

    assert code == 2
    assert "not green: nothing test_code.py::test_double" in printed
    assert "mutants:" not in printed


def test_what_failed_without_a_mutant_is_shown_since_the_copy_is_gone(project: Path) -> None:
    added(project, patch())
    (project / "code_under_test.py").write_text(CODE.replace("2", "4"))

    assert "assert 8 == 4" in tried(project, Bench(project))[1]


def test_what_was_killed_before_one_was_not_green_is_told(project: Path) -> None:
    added(project, patch(), "quick")
    added(project, patch(needs="stack"), "slow")
    code, printed = tried(project, Scripted(quick=KILLED, stack=KILLED))

    assert code == 2
    assert "not green: stack test_code.py::test_double" in printed
    assert "of 1 mutants: 1 killed" in printed


@pytest.mark.parametrize(
    ("exit_code", "output", "verdict"),
    [
        (1, "F\nFAILED a.py::test - assert 1\n1 failed in 0.1s", KILLED),
        (1, "E\nERROR a.py::test - OSError\n1 error in 0.1s", NOT_RUN),
        (2, "ERROR a.py\n!!! Interrupted: 1 error during collection !!!\n1 error in 0.1s", NOT_RUN),
        (2, "F\nFAILED a.py::test\n!!! KeyboardInterrupt !!!", NOT_RUN),
        (4, "ERROR: not found: a.py::test", NOT_RUN),
        (5, "no tests ran in 0.1s", NOT_RUN),
        (0, ".\n1 passed in 0.1s", SURVIVED),
        (0, "s\n1 skipped in 0.1s", NOT_RUN),
        (0, ".s\n1 passed, 1 skipped in 0.1s", NOT_RUN),
        (-2, "", NOT_RUN),
    ],
)
def test_only_a_failed_test_is_a_kill(exit_code: int, output: str, verdict: str) -> None:
    assert judged(exit_code, output).verdict == verdict


def test_the_checkout_stays_as_it_is_and_no_copy_is_left(project: Path) -> None:
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    mutant = added(project, patch())
    assert Bench(project).attempt(mutant.noticed_by, "nothing", mutant).verdict == KILLED
    mutant.patch.unlink()

    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before
    assert not list((project.parent / "copies").iterdir())


def test_a_copy_has_what_git_would_have_and_shares_no_file(project: Path, tmp_path: Path) -> None:
    mutation.copy(project, tmp_path)
    copied = {str(path.relative_to(tmp_path)) for path in tmp_path.glob("*") if path.is_file()}

    assert copied == {".gitignore", "code_under_test.py", "test_code.py"}
    assert not (project / "test_code.py").samefile(tmp_path / "test_code.py")


def test_the_callers_git_is_not_asked(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "somebody-elses"))

    mutation.copy(project, tmp_path / "tree")

    assert not (tmp_path / "somebody-elses").exists()
    assert (tmp_path / "tree" / ".git").is_dir()


def test_what_needs_nothing_finds_no_engine() -> None:
    assert mutation._variables("nothing")["DOCKER_HOST"] == "unix:///dev/null"


def test_what_runs_is_ended_when_the_run_is_broken_off(project: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    hangs = f"import pathlib, signal; pathlib.Path({str(started)!r}).touch(); signal.pause()"
    mutant, bench = added(project, patch(hangs)), Bench(project)

    def read() -> None:
        if not started.exists():
            raise NotYet("it has not begun")

    with ThreadPoolExecutor(1) as pool:
        trial = pool.submit(bench.attempt, mutant.noticed_by, "nothing", mutant)
        eventually(Probe("the test", str(started), read), within=20, every=0.05)
        bench.close()

    assert trial.result().verdict == NOT_RUN
    assert not list((project.parent / "copies").iterdir())


def test_nothing_starts_once_the_run_is_broken_off(project: Path) -> None:
    mutant, bench = added(project, patch()), Bench(project)
    bench.close()

    assert bench.attempt(mutant.noticed_by, "nothing", mutant).verdict == NOT_RUN


def test_a_name_that_no_mutant_has_is_a_mistake(project: Path) -> None:
    added(project, patch())
    with pytest.raises(SystemExit, match="2"):
        mutation.main(["right"], root=project)


def test_what_a_run_left_that_was_killed_is_swept_and_a_living_ones_copy_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[str] = []
    monkeypatch.setattr(mutation.sweeping, "sweep", lambda stacks: swept.append(stacks.parts[-4]))
    monkeypatch.setattr(mutation.mutant_images, "remove", swept.append)
    dead, living = (sweeping.claim(tmp_path, f"stratum-mutant-{digit * 8}") for digit in "12")
    (dead / "owner.json").write_text('{"pid": 1, "started": "long ago"}')

    mutation.sweep(tmp_path)

    assert swept == ["stratum-mutant-11111111", "mutant-11111111"]
    assert (dead.exists(), living.exists()) == (False, True)


def test_an_image_that_cannot_be_built_is_no_kill(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_build(*_: object) -> None:
        raise Problem("building failed", "mend it")

    monkeypatch.setattr(mutation.mutant_images, "built", no_build)
    mutant = added(project, patch(needs="stack"))
    result = Bench(project).attempt(mutant.noticed_by, "stack", mutant)

    assert result.verdict == NOT_RUN
    assert "building failed" in result.said
