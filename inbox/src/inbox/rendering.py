"""Turn values into HTML pages.

Everything shown was sent by somebody else, so everything is escaped, and the browser is told to run nothing.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

_BETWEEN_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_TEMPLATES = Path(__file__).parent / "templates"
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class Renderer:
    """Renders the templates beside it."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )
        self._environment.filters["moment"] = _moment
        self._environment.filters["span"] = _span
        self._environment.filters["pretty"] = _pretty
        self._environment.filters["breakable"] = _breakable
        self._style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")

    def now(self) -> float:
        """The time that pages show."""
        return self._clock()

    def page(self, template: str, values: Mapping[str, object], *, status_code: int = 200) -> HTMLResponse:
        """Return the page that the template makes of the values."""
        html = self._environment.get_template(template).render(now=self._clock(), **values)
        return HTMLResponse(html, status_code=status_code, headers=_HEADERS)

    def missing(self, message: str) -> HTMLResponse:
        """Return the page for what does not exist."""
        return self.page("message.html", {"title": "Not found", "message": message}, status_code=404)

    def style_sheet(self) -> Response:
        """Return the style of all pages."""
        return Response(self._style, media_type="text/css", headers=_HEADERS)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _span(seconds: float) -> str:
    """Say how long something is in its two largest units: `4 min 10 s`, `2 h 5 min`."""
    rest = max(0, round(seconds))
    parts: list[str] = []
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        amount, rest = divmod(rest, length)
        if amount or (unit == "s" and not parts):
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:2])


def _pretty(document: object) -> str:
    """Lay out JSON for a person; escaped like all text, where jinja2's own filter would call it safe."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def _breakable(name: str) -> Markup:
    """Let a long name end its line between two of its words."""
    return Markup("<wbr>").join(_BETWEEN_WORDS.split(name))  # the parts are escaped
