"""Metrics of a prefork worker: each process writes a file, one reader adds them up.

Dead processes' files are merged into one, so that replacing children for ever cannot fill the tmpfs.
There are no exemplars in this mode.
"""

import os
import threading
from collections.abc import Callable, Iterable
from operator import add
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from sample_app.telemetry.task_metrics import TaskPromises

_MERGED = "dead"
_MERGES: dict[str, Callable[[float, float], float]] = {"counter": add, "histogram": add, "gauge_max": max}


class WorkerCollector:
    """Adds up all processes' files, dead ones' included."""

    def __init__(self, directory: Path) -> None:
        """Read from the directory that the processes write to."""
        self._directory = directory
        self._lock = threading.Lock()

    def collect(self) -> Iterable[Metric]:
        """Return every metric; merge dead processes' files on the way."""
        with self._lock:
            self.merge_dead()
            files = [str(path) for path in self._directory.glob("*.db") if _has_begun(path)]
            return list(MultiProcessCollector.merge(files, accumulate=True))  # type: ignore[no-untyped-call]

    def merge_dead(self) -> None:
        """Move the counts of processes that are gone into one file per kind."""
        for kind in _MERGES:
            gone = [path for path in self._directory.glob(f"{kind}_*.db") if _is_gone(path)]
            if gone:
                self._merge(kind, gone)

    def _merge(self, kind: str, gone: list[Path]) -> None:
        target = self._directory / f"{kind}_{_MERGED}.db"
        totals: dict[str, float] = {}
        for path in filter(_has_begun, [target, *gone]):
            for key, value, _timestamp, _position in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]
                totals[key] = _MERGES[kind](totals.get(key, 0.0), value)
        fresh = target.with_suffix(".db-new")
        fresh.unlink(missing_ok=True)
        values = MmapedDict(str(fresh))  # type: ignore[no-untyped-call]
        for key, value in totals.items():
            values.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
        values.close()  # type: ignore[no-untyped-call]
        fresh.replace(target)
        for path in gone:
            path.unlink()


def make_worker_registry(directory: Path) -> CollectorRegistry:
    """Return the registry that a worker's metrics port serves."""
    registry = CollectorRegistry()
    registry.register(WorkerCollector(directory))
    registry.register(TaskPromises())
    return registry


def _has_begun(path: Path) -> bool:
    """Whether a file has anything in it: a process is just making it otherwise, or was killed as it did."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _is_gone(path: Path) -> bool:
    owner = path.stem.rpartition("_")[2]
    if not owner.isdigit():
        return False
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _is_zombie(int(owner))


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
