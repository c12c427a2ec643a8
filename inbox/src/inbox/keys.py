"""The keys and webhook addresses a sender must know, from the same secret files that Alertmanager reads.

Compared in constant time, and never logged, shown or stored.
"""

import hmac
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from inbox.notifications import Receiver
from inbox.settings import Settings

_ROUTING_KEY = re.compile(r"[A-Za-z0-9]{32}")
_WEBHOOK_PATH = re.compile(r"/services/(?P<team>[^/]+)/(?P<service>[^/]+)/(?P<token>[^/]+)")


class KeyFileError(Exception):
    """A secret file is missing or does not hold what it should."""


@dataclass(frozen=True)
class SlackWebhook:
    """One Slack channel's webhook: its team, its service and the token that makes it secret."""

    receiver: Receiver
    team: str
    service: str
    token: str

    def serves(self, team: str, service: str) -> bool:
        """Whether this is the webhook of that team and service, whatever the token."""
        return (self.team, self.service) == (team, service)

    def has_token(self, token: str) -> bool:
        """Whether the token is the right one."""
        return hmac.compare_digest(self.token.encode(), token.encode())


@dataclass(frozen=True)
class Keys:
    """All that senders must know."""

    pagerduty: str
    slack: tuple[SlackWebhook, ...]


def read_keys(settings: Settings) -> Keys:
    """Read every secret file, or say which one is wrong and what it must hold."""
    key = _read(settings.pagerduty_key_file)
    if not _ROUTING_KEY.fullmatch(key):
        raise KeyFileError(f"{settings.pagerduty_key_file} must hold a routing key of 32 letters and digits")
    return Keys(
        pagerduty=key,
        slack=(
            _webhook("slack-platform", settings.slack_platform_url_file),
            _webhook("slack-customer-health", settings.slack_customer_health_url_file),
        ),
    )


def _webhook(receiver: Receiver, file: Path) -> SlackWebhook:
    match = _WEBHOOK_PATH.fullmatch(urlsplit(_read(file)).path)
    if match is None:
        raise KeyFileError(f"{file} must hold an address that ends in /services/<team>/<service>/<token>")
    return SlackWebhook(receiver=receiver, **match.groupdict())


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"cannot read the secret file {file} ({error}); `make up` makes it") from error
