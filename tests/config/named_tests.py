"""Whether tests that a table names exist: their file, their function, and what stands in brackets behind it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from launcher.environment import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMED = re.compile(r"(?P<file>[\w/.-]+)(?:::(?P<test>\w+)(?:\[(?P<case>.+)\])?)?")


def missing(named: Iterable[str]) -> list[str]:
    """Return those that do not exist."""
    return [one for one in named if not _exists(one)]


def _exists(named: str) -> bool:
    match = _NAMED.fullmatch(named)
    if match is None or not (ROOT / match["file"]).is_file():
        return False
    text = (ROOT / match["file"]).read_text(encoding="utf-8")
    if match["test"] and not re.search(rf"^def {match['test']}\b", text, re.MULTILINE):
        return False
    # a case is a word of its module: what pytest would call it is not known without running it
    return not match["case"] or f'"{match["case"]}"' in text
