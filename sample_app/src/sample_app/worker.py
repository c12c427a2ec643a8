"""`python -m sample_app.worker`: Celery, prefork, with its metrics on a port of its own."""

import importlib
import sys

from sample_app.metrics_folder import prepare
from sample_app.settings import load_settings


def main() -> None:
    """Start the worker; returns when it has been told to stop."""
    settings = load_settings()
    if "prometheus_client" in sys.modules:
        raise RuntimeError("prometheus_client was imported before the worker's metrics folder was named")
    prepare(settings.metrics_dir)
    # imported only now: prometheus_client decides at its import whether processes share their metrics
    importlib.import_module("sample_app.worker_main").run(settings)


if __name__ == "__main__":
    main()
