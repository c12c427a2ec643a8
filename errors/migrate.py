"""Bring the tracker's databases to the installed version; run as a program, make them while the image is built.

Migrating an empty database takes four seconds of processor time, which the first start of the whole stack cannot
spare. So the image we build has a migrated, empty database where the volume will be mounted, and Docker copies it into
a new volume. The upstream image has none, nor has a folder mounted from the host: there the first start does the work.
"""

import os
import secrets
import tempfile


def migrate() -> None:
    """Migrate both databases; half a second when there is nothing to do. Django must be set up."""
    from django.core.management import call_command  # noqa: PLC0415  # Django must be configured first
    from django.db import connections  # noqa: PLC0415  # the same

    call_command("migrate", verbosity=0)
    call_command("migrate", "snappea", database="snappea", verbosity=0)
    connections.close_all()  # also folds SQLite's journal into the one file


def main() -> None:
    """Migrate without the stack's secrets: nothing in an empty database is made with the key."""
    with tempfile.NamedTemporaryFile("w", suffix=".key") as key:
        key.write(secrets.token_hex(32))
        key.flush()
        os.environ |= {"ERRORS_SECRET_KEY_FILE": key.name, "DJANGO_SETTINGS_MODULE": "bugsink_conf"}
        import django  # noqa: PLC0415  # reads the environment set above

        django.setup(set_prefix=False)
        migrate()


if __name__ == "__main__":
    main()
