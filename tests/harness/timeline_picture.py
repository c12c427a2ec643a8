"""A timeline as a picture: a row a stage, the time the fault was in force shaded. Plain SVG, for any browser."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _LEFT, _RIGHT = 860, 110, 90
_TOP, _ROW = 48, 30
_TICKS = 8  # at most
_COLOURS = {
    "fault": "#b3261e",
    "symptom": "#c25e00",
    "pending": "#9a7b00",
    "firing": "#c25e00",
    "notified": "#6b3fa0",
    "healed": "#1a7f37",
    "resolved": "#1a7f37",
}


def drawn(title: str, stages: Sequence[tuple[str, float | None]]) -> str:
    """Draw the stages with their times in seconds since 1970; what was not seen says so."""
    seen = {stage: at for stage, at in stages if at is not None}
    start = seen.get("fault", min(seen.values(), default=0.0))
    length = max([at - start for at in seen.values()] + [0.1]) * 1.02
    bottom = _TOP + _ROW * len(stages)

    def across(seconds: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * max(0.0, seconds) / length

    size = f'width="{_WIDTH}" height="{bottom + 40}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{bottom + 40}" fill="#ffffff"/>',
        f'<text x="16" y="26" font-size="15" font-weight="bold" fill="#222">{escape(title)}</text>',
    ]
    if "healed" in seen:
        width = across(seen["healed"] - start) - across(0)
        parts.append(
            f'<rect x="{across(0):.1f}" y="{_TOP}" width="{width:.1f}" height="{bottom - _TOP}" fill="#fbe9e7"/>'
        )
    for seconds in _ticks(length):
        x = across(seconds)
        parts += [
            f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}" stroke="#dddddd"/>',
            f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" fill="#666">{seconds:g} s</text>',
        ]
    for row, (stage, at) in enumerate(stages):
        y = _TOP + _ROW * row + _ROW / 2
        parts.append(f'<text x="16" y="{y + 4:.1f}" fill="#222">{escape(stage)}</text>')
        if at is None:
            parts.append(f'<text x="{_LEFT + 8}" y="{y + 4:.1f}" fill="#888">not seen</text>')
            continue
        x = across(at - start)
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{_COLOURS.get(stage, "#444444")}"/>',
            f'<text x="{x + 11:.1f}" y="{y + 4:.1f}" fill="#222">{at - start:+.2f} s</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _ticks(length: float) -> list[float]:
    """Return round numbers of seconds, few enough to be read."""
    step = next(
        round(digit * 10.0**power, 6)
        for power in range(-3, 7)
        for digit in (1, 2, 5)
        if length / (digit * 10.0**power) <= _TICKS
    )
    return [round(step * number, 6) for number in range(int(length / step) + 1)]
