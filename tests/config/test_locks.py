"""What may never be committed (design, part 11), and that what is installed is pinned by hash."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from launcher.environment import ROOT
from launcher.lock import LOCKS

if TYPE_CHECKING:
    from pathlib import Path

# Hosts of package registries and mirrors, in pieces: this file may not name them either.
REGISTRIES = re.compile(
    r"https?://[^/\s\"']*(pypi|pythonhosted|golang|npmjs|crates|maven|debian)[^/\s\"']*".replace(
        "pypi", "py" + "pi"
    )
)
MACHINE = re.compile(
    rf"(^|[^A-Za-z0-9_.]){re.escape(str(ROOT.parent))}/" if str(ROOT.parent) != "/" else r"(?!)"
)


def committed() -> list[Path]:
    """Every file that git tracks or would."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    printed = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in printed.split("\0") if name and (ROOT / name).is_file()]


def offences(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """`file:line: text` of each match."""
    found = []
    for path in paths:
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:  # a picture
            continue
        found += [
            f"{path.relative_to(ROOT)}:{n}: {line.strip()[:120]}"
            for n, line in enumerate(lines, 1)
            if pattern.search(line)
        ]
    return found


@pytest.mark.parametrize("pattern", [REGISTRIES, MACHINE], ids=["registry", "machine"])
def test_nothing_names_a_registry_or_this_machine(pattern: re.Pattern[str]) -> None:
    assert not offences(pattern, committed())


def test_a_registry_would_be_noticed() -> None:
    assert REGISTRIES.search("index = https://" + "py" + "pi.example/simple")


@pytest.mark.parametrize("source", LOCKS)
def test_every_requirement_is_pinned_and_hashed(source: str) -> None:
    text = (ROOT / LOCKS[source][0]).read_text()
    entries = re.findall(
        r"^([A-Za-z0-9_.\-\[\]]+)==(\S+)[^\n]*\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
        text,
        re.MULTILINE,
    )
    named = re.findall(r"^[A-Za-z0-9][^\s]*", text, re.MULTILINE)

    assert entries
    assert len(entries) == len(named), "a line without a version or without a hash"
    assert not re.search(r"^(-i|--index-url|--extra-index-url|--find-links)", text, re.MULTILINE)


@pytest.mark.parametrize("source", LOCKS)
def test_what_is_asked_for_is_what_is_locked(source: str) -> None:
    wanted = re.findall(
        r"^([A-Za-z0-9_.\-]+)(?:\[[^\]]*\])?==(\S+)", (ROOT / source).read_text(), re.MULTILINE
    )
    locked = {
        f"{name.lower()}=={version}"
        for name, version in re.findall(
            r"^([A-Za-z0-9_.\-]+)(?:\[[^\]]*\])?==(\S+)", (ROOT / LOCKS[source][0]).read_text(), re.MULTILINE
        )
    }

    assert wanted
    assert {f"{name.lower()}=={version}" for name, version in wanted} <= locked


def test_there_is_no_lock_file_with_addresses() -> None:
    assert not [path for path in committed() if path.name in ("uv.lock", "poetry.lock", "Pipfile.lock")]
