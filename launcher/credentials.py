"""Secrets are files, made at the first start and never committed (design, part 10).

A Compose file secret keeps its host mode, and the containers are not root: so the files are 0444, in a folder that
only its owner may enter.
"""

from __future__ import annotations

import json
import os
import secrets as random
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TENANTS = ("acme", "techco", "retailx", "closedco", "canary")
"""Tenants that `migrate` seeds: three of the demo, a disabled one for tests, and the canary's own."""


def _key() -> str:
    return random.token_hex(32)


def _slack_url() -> str:
    team, bot = (letter + random.token_hex(5).upper() for letter in "TB")
    return f"http://inbox:8080/services/{team}/{bot}/{random.token_urlsafe(18)}"


def _acl(password: str) -> str:
    """One user that may do everything, one that may look, and one that may only ping; passwords as hashes."""
    digest = sha256(password.encode()).hexdigest()
    return (
        f"user default on #{digest} ~* &* +@all\n"
        f"user exporter on #{digest} ~* resetchannels -@all"
        " +ping +info +config|get +client|list +client|setname +client|setinfo +client|id +hello +slowlog +latency"
        " +memory|usage +type +dbsize +scan +llen +module|list +cluster|info +command\n"
        "user health on nopass resetkeys resetchannels -@all +ping\n"
    )


# In order: a later one may be derived from an earlier one.
_MADE_FROM: dict[str, Callable[[Callable[[str], str]], str]] = {
    "postgres_password": lambda _: _key(),
    "postgres_owner_password": lambda _: _key(),
    "postgres_app_password": lambda _: _key(),
    "postgres_exporter_password": lambda _: _key(),
    "postgres_replication_password": lambda _: _key(),
    "redis_password": lambda _: _key(),
    "redis_broker_password": lambda _: _key(),
    "redis_acl": lambda read: _acl(read("redis_password")),
    "redis_broker_acl": lambda read: _acl(read("redis_broker_password")),
    "redis_exporter_passwords.json": lambda read: json.dumps(
        {
            "redis://exporter@redis:6379": read("redis_password"),
            "redis://exporter@redis-broker:6379": read("redis_broker_password"),
        }
    ),
    "internal_key": lambda _: _key(),
    "faults_key": lambda _: _key(),
    "tenant_keys.json": lambda _: json.dumps(
        {tenant: f"sk_{tenant}_{_key()}" for tenant in TENANTS}, indent=1
    ),
    "errors_secret_key": lambda _: random.token_urlsafe(64),
    "errors_admin_password": lambda _: random.token_urlsafe(18),
    # the DSN is fixed before the tracker exists: its public key is ours to choose
    "errors_dsn": lambda _: f"http://{random.token_hex(16)}@errors:8000/1",
    "errors_api_token": lambda _: random.token_hex(20),
    "pagerduty_routing_key": lambda _: random.token_hex(16),
    "slack_platform_url": lambda _: _slack_url(),
    "slack_customer_health_url": lambda _: _slack_url(),
    "watchdog_url": lambda _: "http://inbox:8080/webhook/watchdog",
    "info_url": lambda _: "http://inbox:8080/webhook/info",
    "grafana_admin_password": lambda _: random.token_urlsafe(18),
}

NAMES = tuple(_MADE_FROM)
"""Every secret file, in the order in which they are made."""


def make_missing(folder: Path) -> list[str]:
    """Make the secrets that *folder* lacks; those that exist are never touched.

    Returns:
        The names that were made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)

    def read(name: str) -> str:
        return (folder / name).read_text()

    made = [name for name in NAMES if not (folder / name).exists()]
    for name in made:
        draft = folder / f".{name}.part"
        draft.unlink(missing_ok=True)
        # never half a secret under its final name, never readable by others on the way
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
        os.fchmod(descriptor, 0o444)  # whatever this machine's umask takes away
        with os.fdopen(descriptor, "w") as file:
            file.write(_MADE_FROM[name](read))
        draft.rename(folder / name)
    return made
