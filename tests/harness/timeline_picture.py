"""Timelines as pictures: one with a row a stage, or many laid over one another. Plain SVG, for any browser.

The time in which a fault was in force is shaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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


@dataclass(frozen=True)
class Bar:
    """One row of a picture of many: when its fault began, and its stages since then."""

    name: str
    began: float
    stages: Mapping[str, float | None]


def laid_over(title: str, bars: Sequence[Bar]) -> str:
    """Draw many timelines over one axis of seconds: the fault shaded, pending and firing as lines, messages as dots."""
    left, right, row, top = 340, 20, 18, 64
    width = 1200
    length = max(
        (bar.began + at for bar in bars for at in bar.stages.values() if at is not None), default=1.0
    )
    bottom = top + row * len(bars)

    def across(seconds: float) -> float:
        return left + (width - left - right) * max(0.0, seconds) / (length * 1.01)

    size = f'width="{width}" height="{bottom + 34}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{bottom + 34}" fill="#ffffff"/>',
        f'<text x="16" y="24" font-size="15" font-weight="bold" fill="#222">{escape(title)}</text>',
        *_key(left),
    ]
    for seconds in _ticks(length):
        x = across(seconds)
        parts += [
            f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" stroke="#e4e4e4"/>',
            f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" fill="#666">{seconds:g} s</text>',
        ]
    for number, bar in enumerate(bars):
        parts += _bar(bar, top + row * number, row, across)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _key(left: int) -> list[str]:
    meanings = (
        ("fault", "#fbd5d0", "the fault is in force"),
        ("pending", _COLOURS["pending"], "pending"),
        ("firing", _COLOURS["firing"], "firing"),
        ("notified", _COLOURS["notified"], "told"),
        ("resolved", _COLOURS["resolved"], "all-clear"),
    )
    return [
        f'<rect x="{left + 150 * number}" y="38" width="12" height="12" fill="{colour}"/>'
        f'<text x="{left + 150 * number + 18}" y="48" fill="#444">{meaning}</text>'
        for number, (_, colour, meaning) in enumerate(meanings)
    ]


def _bar(bar: Bar, y: float, height: float, across: Callable[[float], float]) -> list[str]:
    middle = y + height / 2
    at = {stage: bar.began + since for stage, since in bar.stages.items() if since is not None}
    parts = [f'<text x="16" y="{middle + 4:.1f}" fill="#222">{escape(bar.name)}</text>']

    def line(begin: str, end: str, thickness: float, colour: str) -> None:
        if begin in at and end in at and at[end] > at[begin]:
            x, ends = across(at[begin]), across(at[end])
            where = (
                f'x="{x:.1f}" y="{middle - thickness / 2:.1f}" width="{ends - x:.1f}" height="{thickness:g}"'
            )
            parts.append(f'<rect {where} fill="{colour}"/>')

    line("fault", "healed", height - 3, "#fbd5d0")
    line("pending", "firing", 4, _COLOURS["pending"])
    line("firing", "resolved" if "resolved" in at else "notified", 4, _COLOURS["firing"])
    dots = [stage for stage in ("notified", "resolved") if stage in at]
    parts += [
        f'<circle cx="{across(at[dot]):.1f}" cy="{middle:.1f}" r="4.5" fill="{_COLOURS[dot]}"/>'
        for dot in dots
    ]
    return parts


def _ticks(length: float) -> list[float]:
    """Return round numbers of seconds, few enough to be read."""
    step = next(
        round(digit * 10.0**power, 6)
        for power in range(-3, 7)
        for digit in (1, 2, 5)
        if length / (digit * 10.0**power) <= _TICKS
    )
    return [round(step * number, 6) for number in range(int(length / step) + 1)]
