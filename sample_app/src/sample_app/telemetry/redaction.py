"""Keeps secrets and personal data out of every signal.

The Collector redacts once more; both are tested, since either may be configured away.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

MASK = "[redacted]"

_SECRET_NAME = re.compile(
    r"authorization|password|passwd|secret|cookie|credential|private[_-]?key|api[_-]?key|internal[_-]?key|(^|_)dsn$|(^|[_-])token",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}")
_URL_PASSWORD = re.compile(r"(://[^\s/:@]*):[^\s/@]+@")
_ASSIGNED = re.compile(
    r"(?i)\b(password|passwd|secret|api[_-]?key|access[_-]?token|token)(\\?[\"']?\s*[:=]\s*\\?[\"']?)[^\s\"'&,;)}\\]+"
)
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
# looked for at every place, since the figures before a card's number may seem to begin it
_CARD = re.compile(
    r"(?<![\w.])(?=((?:\d{4}([ -]?)\d{4}\2\d{4}\2\d{1,7}|3[47]\d{2}[ -]?\d{6}[ -]?\d{5}|\d{13,19})(?![\w.])))"
)
_KEY = re.compile(r"\bsk_\w{12,}")  # a tenant's API key, wherever it was put by mistake
_DEPTH = 8
_REMEMBERED = 256  # longer text seldom comes twice


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Tell whether a field of this name is never shown."""
    return _SECRET_NAME.search(name) is not None


def redact_text(text: str) -> str:
    """Return the text with tokens, passwords, e-mail addresses and card numbers masked."""
    return _remembered(text) if len(text) <= _REMEMBERED else _redact_text(text)


def _redact_text(text: str) -> str:
    if "earer" in text or "asic" in text or "BEARER" in text or "BASIC" in text:
        text = _BEARER.sub(rf"\1 {MASK}", text)
    if "sk_" in text:
        text = _KEY.sub(MASK, text)
    if "@" in text:
        text = _EMAIL.sub(MASK, _URL_PASSWORD.sub(rf"\1:{MASK}@", text))
    if "=" in text or ":" in text:
        text = _ASSIGNED.sub(rf"\1\2{MASK}", text)
    return _mask_cards(text)


# paths, agents and event names come again and again; looking at them anew would cost as much as the line
_remembered = lru_cache(maxsize=2048)(_redact_text)


def redact(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - whatever a log call or an error event holds
    """Return a copy of the value in which nothing secret is left, at any depth."""
    if isinstance(value, str):
        return redact_text(value)
    if depth >= _DEPTH:
        return MASK if isinstance(value, (Mapping, list, tuple, set)) else value
    if isinstance(value, Mapping):
        return {
            str(key): MASK if item and is_secret_name(str(key)) else redact(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact(item, depth + 1) for item in value]
    return value


def _mask_cards(text: str) -> str:
    masked, end = "", len(text)
    for begin, until in reversed([found.span(1) for found in _CARD.finditer(text) if _is_card(found[1])]):
        masked = MASK + text[min(until, end) : end] + masked
        end = begin
    return text[:end] + masked


def _is_card(number: str) -> bool:
    """Tell whether the last digit is the check (Luhn) of the others."""
    digits = [int(digit) for digit in number if digit.isdigit()]
    doubled = [d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0
