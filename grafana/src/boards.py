"""Every dashboard there is, and how one becomes the text of its file."""

import json
from collections.abc import Callable
from pathlib import Path

from grafana.src import api_overview
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

BOARDS: dict[str, Callable[[], Dashboard]] = {api_overview.UID: api_overview.build}
"""The file's name, which is also the dashboard's uid."""


def text(name: str) -> str:
    """One dashboard as its file has it: sorted keys, so that a change is a change of content."""
    return json.dumps(BOARDS[name](), cls=JSONEncoder, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> list[Path]:
    """Write all of them; the paths written."""
    paths = [folder / f"{name}.json" for name in BOARDS]
    for path in paths:
        path.write_text(text(path.stem), encoding="utf-8")
    return paths
