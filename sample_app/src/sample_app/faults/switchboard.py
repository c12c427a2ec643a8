"""What is on right now: keys with an expiry in the broker, where every process finds them.

A process keeps what it last read, and looks again every quarter of a second: asking costs a request nothing.
Where the broker is away, it looks less often, and each fault still ends at its time.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import monotonic, time
from typing import TypeVar, cast

import orjson
import structlog
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from sample_app import redis_clients
from sample_app.faults.catalogue import BY_NAME, Fault
from sample_app.settings import Settings

_LOG = structlog.get_logger()
_PREFIX = "stratum:fault:"
_LOOK_SECONDS = 0.25
_AWAY_SECONDS = 2.0
"""Until an absent broker is looked for again: every look asks for its name."""

F = TypeVar("F", bound=Fault)


@dataclass(frozen=True)
class Active:
    """A fault that is on."""

    fault: Fault
    until: float
    """Seconds since 1970."""


class Switches:
    """What this process knows to be on. Empty where faults are not allowed."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._active: Mapping[str, Active] = {}

    def get(self, kind: type[F]) -> F | None:
        """Return the fault of this kind if it is on, or None; costs a look-up."""
        active = self._active.get(kind.name)
        return cast("F", active.fault) if active is not None and active.until > time() else None

    def all(self) -> list[Active]:
        """Return everything that is on."""
        return [one for one in self._active.values() if one.until > time()]

    def take(self, values: Iterable[bytes | str | None]) -> None:
        """Take over what was read, in the catalogue's order; what another release wrote may not be readable."""
        active = {}
        for name, value in zip(BY_NAME, values, strict=True):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                if value is not None:
                    active[name] = _decode(name, value)
        self._active = active


class AsyncSwitchboard(Switches):
    """The API's: reads in the background, and is where faults are switched."""

    def __init__(self, broker: AsyncRedis) -> None:
        """Read from this server; connects when first asked."""
        super().__init__()
        self._broker = broker
        self._looked = asyncio.Event()

    async def on(self, fault: Fault) -> Active:
        """Switch a fault on; one that is on already begins anew."""
        active = Active(fault, time() + fault.seconds)
        await self._broker.set(_PREFIX + fault.name, _encode(active), px=max(1, round(fault.seconds * 1000)))
        await self.look()
        _LOG.warning("fault_switched_on", fault=fault.name, **fault.model_dump())
        return active

    async def off(self, *names: str) -> None:
        """Switch faults off, or all of them."""
        await self._broker.delete(*(_PREFIX + name for name in names or BY_NAME))
        await self.look()
        _LOG.warning("fault_switched_off", faults=list(names) or "all")

    async def look(self) -> None:
        """Read once."""
        self.take(await self._broker.mget(_keys()))

    async def watch(self) -> None:
        """Read for as long as the process runs."""
        while True:
            pause = _AWAY_SECONDS
            with contextlib.suppress(RedisError, OSError):
                await self.look()
                pause = _LOOK_SECONDS
            self._looked.set()
            self._looked = asyncio.Event()
            await asyncio.sleep(pause)

    async def until_off(self, kind: type[Fault]) -> None:
        """Wait until a fault is off, which `watch` notices."""
        while self.get(kind):
            await self._looked.wait()


class SyncSwitchboard(Switches):
    """A worker's or the ingester's: reads when asked, and not more often than it has to."""

    def __init__(self, broker: Redis) -> None:
        """Read from this server."""
        super().__init__()
        self._broker = broker
        self._look_at = 0.0

    def get(self, kind: type[F]) -> F | None:
        """Return the fault of this kind if it is on, or None."""
        if monotonic() >= self._look_at:
            self._look_at = monotonic() + _AWAY_SECONDS
            with contextlib.suppress(RedisError, OSError):
                self.take(self._broker.mget(_keys()))
                self._look_at = monotonic() + _LOOK_SECONDS
        return super().get(kind)


def make_switches(settings: Settings) -> Switches:
    """Return what a worker or the ingester asks; where faults are not allowed, it asks nobody."""
    if settings.faults == "off":
        return Switches()
    return SyncSwitchboard(redis_clients.broker(settings))


def _keys() -> list[str]:
    return [_PREFIX + name for name in BY_NAME]


def _encode(active: Active) -> bytes:
    return orjson.dumps({"until": active.until, "fault": active.fault.model_dump()})


def _decode(name: str, value: bytes | str) -> Active:
    read = orjson.loads(value)
    return Active(BY_NAME[name].model_validate(read["fault"]), read["until"])
