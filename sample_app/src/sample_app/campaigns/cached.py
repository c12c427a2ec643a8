"""Campaigns read through the cache: the newest ones, which every page begins with, and single ones.

A campaign never changes once it is made, so only the list has to be forgotten, when one is added.
"""

from pydantic import TypeAdapter, ValidationError

from sample_app.cache import Cache
from sample_app.campaigns.store import Campaign, Campaigns, NewCampaign
from sample_app.fields import MAX_PAGE

_LIST = TypeAdapter(list[Campaign])


class CachedCampaigns:
    """Asks the cache first, and the store behind it."""

    def __init__(self, store: Campaigns, cache: Cache) -> None:
        """Stand before a store."""
        self._store = store
        self._cache = cache

    async def newest(self, tenant_id: str, *, limit: int, before: int | None = None) -> list[Campaign]:
        """Return some of the tenant's campaigns, newest first; those before a campaign, to read on."""
        if before is not None:
            return await self._store.newest(tenant_id, limit=limit, before=before)
        cached = await self._cache.get(_newest(tenant_id))
        campaigns = _read(cached)
        if campaigns is None:
            # one more than the longest page: whoever asks for that learns whether there is another
            campaigns = await self._store.newest(tenant_id, limit=MAX_PAGE + 1)
            await self._cache.keep(_newest(tenant_id), _LIST.dump_json(campaigns))
        return campaigns[:limit]

    async def get(self, tenant_id: str, campaign_id: int) -> Campaign | None:
        """Return one of the tenant's campaigns, or None."""
        key = f"campaigns:{tenant_id}:{campaign_id}"
        cached = _read(await self._cache.get(key))
        if cached:
            return cached[0]
        campaign = await self._store.get(tenant_id, campaign_id)
        if campaign is not None:
            await self._cache.keep(key, _LIST.dump_json([campaign]))
        return campaign

    async def add(self, tenant_id: str, wanted: NewCampaign) -> Campaign:
        """Store a campaign."""
        campaign = await self._store.add(tenant_id, wanted)
        await self._cache.forget(_newest(tenant_id))
        return campaign


def _newest(tenant_id: str) -> str:
    return f"campaigns:{tenant_id}:newest"


def _read(cached: bytes | None) -> list[Campaign] | None:
    """Return what was kept; what another release kept in another form is as good as nothing."""
    if cached is None:
        return None
    try:
        return _LIST.validate_json(cached)
    except ValidationError:
        return None
