"""Runbooks, from their Markdown: shown as a page, and asked for the queries of their diagnosis.

HTML inside the Markdown is shown as text, and only names that an alert can have ever become a file name.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

_ALERT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
# This preset renders no HTML that the author wrote, and links to web addresses and pages only.
_MARKDOWN = MarkdownIt("js-default")


@dataclass(frozen=True)
class Runbook:
    """One alert's runbook."""

    name: str
    html: str
    queries: tuple[str, ...]
    log_queries: tuple[str, ...]


@dataclass(frozen=True)
class Runbooks:
    """The runbooks of a folder, one file an alert, read when asked for: an edit shows at once."""

    folder: Path

    def find(self, name: str) -> Runbook | None:
        """Return the alert's runbook, or None when there is none of that name."""
        if not is_alert_name(name):
            return None
        try:
            markdown = (self.folder / f"{name}.md").read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Runbook(
            name=name,
            html=_MARKDOWN.render(markdown),
            queries=_blocks(markdown, "promql"),
            log_queries=_blocks(markdown, "logql"),
        )


def is_alert_name(name: str) -> bool:
    """Whether an alert of ours could have this name. No dot and no slash: what passes is safe in a path and in PromQL."""
    return _ALERT_NAME.fullmatch(name) is not None


def _blocks(markdown: str, language: str) -> tuple[str, ...]:
    return tuple(
        token.content.strip()
        for token in _MARKDOWN.parse(markdown)
        if token.type == "fence" and token.info.strip() == language
    )
