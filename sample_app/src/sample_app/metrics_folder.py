"""Where the worker's processes share their metrics. Imports nothing of prometheus_client's, on purpose."""

import os
from pathlib import Path


def prepare(folder: Path) -> None:
    """Empty the folder and name it to prometheus_client, which reads the variable when first imported."""
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob("*.db*"):
        leftover.unlink()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
