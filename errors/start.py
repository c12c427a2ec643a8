"""Start the tracker: databases, provisioning, server, all in this one process.

Three commands in a row would load Django three times, a second of processor time each. Here the process that has
migrated and provisioned becomes the server's parent, and its worker shares that memory.
"""

import gc
import os
import sys
import time

from inputs import InputError, Inputs, read_inputs
from migrate import migrate

# One worker, because SQLite has one writer and a second would only wait for it; threads, so that somebody who
# reads a page does not hold up an event.
SERVER = {
    "bind": "0.0.0.0:8000",
    "workers": 1,
    "worker_class": "gthread",
    "threads": 4,
    "preload_app": True,
    "timeout": 30,
    "graceful_timeout": 5,
    "keepalive": 2,
    # the heartbeat file: on a disk it can block the worker, and the container's root is read-only
    "worker_tmp_dir": "/tmp",  # noqa: S108
    "control_socket_disable": True,
    "errorlog": "-",
    "loglevel": "warning",
}


def main() -> int:
    """Exit code 2 for a secret that cannot be used; otherwise serve until told to stop."""
    began = time.monotonic()
    try:
        inputs = read_inputs()
    except InputError as error:
        print(f"errors: {error}", file=sys.stderr)
        return 2
    _prepare(inputs)
    print(f"errors: migrated and provisioned after {time.monotonic() - began:.1f} s", flush=True)
    _serve()
    return 0


def _prepare(inputs: Inputs) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "bugsink_conf"
    import django  # noqa: PLC0415  # slow to load, and a wrong secret should be said at once

    django.setup(set_prefix=False)
    migrate()

    from bugsink_conf import RETAINED_EVENTS  # noqa: PLC0415  # both need django.setup() to have run
    from provision import provision  # noqa: PLC0415

    provision(inputs, retained_events=RETAINED_EVENTS)


def _serve() -> None:
    from django.db import connections  # noqa: PLC0415  # after django.setup()
    from gunicorn.app.base import BaseApplication  # noqa: PLC0415  # the checks above need no server

    class Server(BaseApplication):  # type: ignore[misc]
        """Gunicorn with the settings of this file."""

        def load_config(self) -> None:
            for name, value in SERVER.items():
                self.cfg.set(name, value)

        def load(self) -> object:
            from bugsink.wsgi import application  # noqa: PLC0415  # loads the rest of Bugsink

            return application

    connections.close_all()  # an SQLite connection must not cross a fork
    gc.collect()
    gc.freeze()  # pages that the collector never touches stay shared with the worker
    Server().run()


if __name__ == "__main__":
    sys.exit(main())
