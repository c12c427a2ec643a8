"""Alertmanager's configuration for production: the committed one but for one address.

The committed configuration notifies the inbox, so that nobody is paged by a stack on a developer's machine. Which
channels and which service production notifies is in the secret files that are mounted there, under the same names; only
PagerDuty's address is written in the configuration itself. Nothing of this project starts what is rendered here.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from launcher.problem import Problem

if TYPE_CHECKING:
    from pathlib import Path

INBOX = "pagerduty_url: http://inbox:8080/v2/enqueue"
PAGERDUTY = "pagerduty_url: https://events.pagerduty.com/v2/enqueue"


def render(committed: Path, into: Path) -> None:
    """Write the folder that production mounts: configuration and templates.

    Raises:
        Problem: The configuration no longer names the inbox, once.
    """
    before = (committed / "alertmanager.yml").read_text()
    if before.count(INBOX) != 1:
        raise Problem(f"{committed}/alertmanager.yml does not have the line `{INBOX}` once", "put it back")
    shutil.copytree(committed / "templates", into / "templates", dirs_exist_ok=True)
    (into / "alertmanager.yml").write_text(before.replace(INBOX, PAGERDUTY))
