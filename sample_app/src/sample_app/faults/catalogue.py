"""What can be broken, how badly, and for how long at the most."""

from itertools import count
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

LONGEST_SECONDS = 900.0

Share = Annotated[float, Field(gt=0, le=1, description="Of all, 0 to 1.")]


_GOLDEN = (5**0.5 - 1) / 2
_turns = count(1)


def meets(share: float) -> bool:
    """Tell whether a fault of this share strikes this time.

    Its turns are spread evenly (the golden ratio's multiples, modulo 1) and not thrown as dice: how often it strikes in
    a minute is then no matter of luck, and what is asked in a rhythm of four is not always struck in the same place.
    """
    return next(_turns) * _GOLDEN % 1 < share


class Fault(BaseModel):
    """One way to fail, and when it ends by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: ClassVar[str]

    seconds: float = Field(
        default=60.0, gt=0, le=LONGEST_SECONDS, description="It ends by itself after so long."
    )


class Latency(Fault):
    """Tenants' requests take longer."""

    name = "latency"
    milliseconds: int = Field(default=1_500, ge=1, le=10_000)
    share: Share = 1.0


class Errors(Fault):
    """Tenants' requests crash."""

    name = "errors"
    share: Share = 0.5


class Deadlocks(Fault):
    """Two transactions of the application wait for each other."""

    name = "deadlocks"
    per_minute: int = Field(default=30, ge=1, le=60)


class SlowQueries(Fault):
    """Statements take longer than a second."""

    name = "slow-queries"
    per_minute: int = Field(default=60, ge=1, le=240)


class Connections(Fault):
    """Connections to PostgreSQL are opened and kept."""

    name = "connections"
    count: int = Field(default=80, ge=1, le=90)


class CacheMisses(Fault):
    """Keys are asked for that the cache never had."""

    name = "cache-misses"
    per_second: int = Field(default=50, ge=1, le=500)


class CacheMemory(Fault):
    """The cache's memory fills."""

    name = "cache-memory"
    share: float = Field(default=0.9, gt=0, le=0.95, description="Of maxmemory.")


class CacheClients(Fault):
    """Clients connect to the cache and stay."""

    name = "cache-clients"
    count: int = Field(default=1_100, ge=1, le=3_000)


class QueuePileUp(Fault):
    """More messages than the workers can take, each of which keeps one busy."""

    name = "queue-pile-up"
    messages: int = Field(default=1_500, ge=1, le=5_000)


class TasksFail(Fault):
    """Tasks raise."""

    name = "tasks-fail"
    share: Share = 0.5


class TasksSlow(Fault):
    """Tasks take longer."""

    name = "tasks-slow"
    milliseconds: int = Field(default=3_000, ge=1, le=20_000)


class TasksDie(Fault):
    """Tasks take their process with them."""

    name = "tasks-die"
    share: Share = 0.2


class SignalHealth(Fault):
    """One tenant's signals look like this, whatever its sources say."""

    name = "signal-health"
    tenant_id: str = Field(min_length=1, max_length=64)
    score: float = Field(default=15.0, ge=0, le=100)


class AdPlatformFails(Fault):
    """An ad platform is slow, or refuses; all of them where none is named."""

    name = "ad-platform"
    platform: Literal["meta", "google", "tiktok"] | None = None
    failure: Literal["unavailable", "rate-limited", "rejected", "slow"] = "unavailable"
    milliseconds: int = Field(default=3_000, ge=1, le=20_000, description="How slow.")
    share: Share = 1.0


class StuckStream(Fault):
    """The ingester stops reading its stream."""

    name = "stuck-stream"


ALL: tuple[type[Fault], ...] = (
    Latency,
    Errors,
    Deadlocks,
    SlowQueries,
    Connections,
    CacheMisses,
    CacheMemory,
    CacheClients,
    QueuePileUp,
    TasksFail,
    TasksSlow,
    TasksDie,
    SignalHealth,
    AdPlatformFails,
    StuckStream,
)
BY_NAME = {fault.name: fault for fault in ALL}
