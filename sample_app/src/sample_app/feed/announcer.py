"""The worker's end of the feed: tells what was decided, and never holds up who decides."""

from time import monotonic

import structlog
from redis import Redis
from redis.exceptions import RedisError

from sample_app import redis_clients
from sample_app.feed.messages import CHANNEL, Decided
from sample_app.settings import Settings

_LOG = structlog.get_logger()
_PAUSE_SECONDS = 2.0


class Announcer:
    """Publishes decisions; while the cache is away, nobody is told, and nothing else changes."""

    def __init__(self, client: Redis) -> None:
        """Publish through a client that gives up soon."""
        self._client = client
        self._paused_until = 0.0

    def tell(self, decided: Decided) -> None:
        """Tell whoever listens."""
        if monotonic() < self._paused_until:
            return
        try:
            self._client.publish(CHANNEL, decided.model_dump_json())
        except (RedisError, OSError) as error:
            self._paused_until = monotonic() + _PAUSE_SECONDS
            _LOG.warning("feed_paused", cause=type(error).__name__)


def make_announcer(settings: Settings) -> Announcer:
    """Return the announcer of one process; it connects when it first has something to tell."""
    return Announcer(redis_clients.cache_to_tell(settings))
