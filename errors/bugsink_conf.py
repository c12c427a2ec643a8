"""Bugsink's settings: why the tracker of this stack behaves as it does (ADR-0003).

Bugsink reads its secret key from its settings module only, so the module is ours and reads the key from a file.
It refuses to load without that file: a default key would be a key everybody has.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from bugsink.settings.default import *  # noqa: F403  # Bugsink's own defaults; this file states only what differs
from bugsink.settings.default import DATABASES, SILENCED_SYSTEM_CHECKS

_DATA = Path(os.environ.get("ERRORS_DATA", "/data"))
# What a browser on this machine uses. The services of the stack send to the DSN in their own secret instead.
_BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8001")

SECRET_KEY = (
    Path(os.environ.get("ERRORS_SECRET_KEY_FILE", "/run/secrets/errors_secret_key")).read_text().strip()
)
if len(SECRET_KEY) < 32:  # noqa: PLR2004  # shorter ones can be guessed; `make up` writes 64 characters
    msg = "errors_secret_key has fewer than 32 characters: delete it and let `make up` write a new one"
    raise ValueError(msg)

DEBUG = False
DEBUG_CSRF = False
TIME_ZONE = "UTC"
ALLOWED_HOSTS = ["errors", "localhost", "127.0.0.1", urlsplit(_BASE_URL).hostname]
# The page is served over plain HTTP on loopback: with secure cookies, nobody could log in.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False
SILENCED_SYSTEM_CHECKS += ["security.W012", "security.W016"]

DATABASES["default"]["NAME"] = str(_DATA / "bugsink.sqlite3")
DATABASES["snappea"]["NAME"] = str(_DATA / "snappea.sqlite3")
# An event is digested in the request that brings it. That saves a second process and its memory, and an event that
# was accepted can be read at once. It holds about 50 events a second on one core; more would want the worker back.
SNAPPEA = {"TASK_ALWAYS_EAGER": True}

# No mail leaves the stack: who is told about what is Alertmanager's business.
EMAIL_BACKEND = "bugsink.email_backends.QuietConsoleEmailBackend"

# Retention bounds the disk: the least interesting events go first, issues and their counts stay.
# An event with 25 frames takes 28 KB, so 10 000 of them take 280 MB.
RETAINED_EVENTS = 10_000

BUGSINK = {
    "BASE_URL": _BASE_URL,
    "SITE_TITLE": "Stratum errors",
    "PHONEHOME": False,
    "USER_REGISTRATION": "CB_NOBODY",
    "TEAM_CREATION": "CB_ADMINS",
    # Bugsink answers 429 once a quota is used up, and the SDK then drops events without a word: with the defaults
    # (1 000 in five minutes) a fault test of a minute would blind the tracker for the next four. So the quotas are
    # above what one process can digest, and retention is the bound that works.
    "MAX_EVENTS_PER_PROJECT_PER_5_MINUTES": 60_000,
    "MAX_EVENTS_PER_PROJECT_PER_HOUR": 500_000,
    "MAX_EVENTS_PER_PROJECT_PER_MONTH": 10_000_000,
    "MAX_EVENTS_PER_5_MINUTES": 60_000,
    "MAX_EVENTS_PER_HOUR": 500_000,
    "MAX_EVENTS_PER_MONTH": 10_000_000,
    "MAX_RETENTION_PER_PROJECT_EVENT_COUNT": RETAINED_EVENTS,
    "MAX_RETENTION_EVENT_COUNT": RETAINED_EVENTS,
    # Our applications send no files; a leaked DSN must not fill the disk with them.
    "MAX_ATTACHMENT_SIZE": 1024 * 1024,
    "MAX_ENVELOPE_SIZE": 4 * 1024 * 1024,
    "MAX_STORED_FILE_BYTES": 64 * 1024 * 1024,
    # On a tmpfs: an event is here only between its receipt and its digestion, in the same request.
    "INGEST_STORE_BASE_DIR": "/tmp/bugsink/ingestion",  # noqa: S108  # Bugsink checks the folder's owner and mode
}
