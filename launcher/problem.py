"""The one exception a person is meant to read: what is wrong, and what to do next."""

from __future__ import annotations


class Problem(Exception):  # noqa: N818 -- shown to people, who know no "errors"
    """Something that a person has to mend; `remedy` says how."""

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what, self.remedy = what, remedy
        super().__init__(f"{what}\n  -> {remedy}" if remedy else what)
