"""HTTP to what runs here: no proxy of the machine's has it."""

from __future__ import annotations

import requests


def session() -> requests.Session:
    """A session that asks directly, whatever HTTP_PROXY says; close it after use."""
    here = requests.Session()
    here.trust_env = False
    return here
