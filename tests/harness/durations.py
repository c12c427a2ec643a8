"""Durations as Prometheus and Alertmanager write them, and how one is divided by a factor."""

from __future__ import annotations

import re

_UNITS = {
    "y": 31_536_000_000,
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
_WRITTEN = ("d", "h", "m", "s", "ms")  # weeks and years are read; days say the same
_PART = re.compile(r"(\d+)(ms|[ywdhms])")

DURATION = r"(?:\d+(?:ms|[ywdhms]))+"


def milliseconds(text: str) -> int:
    """Read a duration: `1m30s` is 90000; a bare `0` is allowed, as Prometheus allows it."""
    if text == "0":
        return 0
    if not re.fullmatch(DURATION, text):
        raise ValueError(f"not a duration: {text!r}")
    return sum(int(amount) * _UNITS[unit] for amount, unit in _PART.findall(text))


def written(length: int) -> str:
    """Write milliseconds as a duration: 90000 is `1m30s`."""
    if length == 0:
        return "0s"
    parts, rest = [], length
    for unit in _WRITTEN:
        amount, rest = divmod(rest, _UNITS[unit])
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts)


def divided(text: str, factor: float) -> str:
    """Divide a duration, to the millisecond; what was some time stays some time.

    A factor of one gives back the very text, so that nothing is reworded for nothing.
    """
    length = milliseconds(text)
    if factor == 1 or length == 0:
        return text
    return written(max(1, round(length / factor)))


def rounding(factor: float) -> float:
    """Return by how many milliseconds a duration may be off after dividing and multiplying back."""
    return factor
