"""Turn values into HTML pages.

Everything shown was sent by somebody else, so everything is escaped, and the browser is told to run nothing.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

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
        self._style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")

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
