"""What the senders in these tests know and say: keys, webhooks, and the shapes of what is passed around."""

from collections.abc import Callable
from typing import Any

import httpx2
from fastapi.testclient import TestClient

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
PLATFORM = "/services/TSTRATUM/BPLATFORM/platformtoken"
CUSTOMER_HEALTH = "/services/TSTRATUM/BHEALTH/healthtoken"

Json = dict[str, Any]
# What Prometheus answers, and a way to start an inbox beside a Prometheus that answers so.
Answer = Callable[[httpx2.Request], httpx2.Response]
MakeInbox = Callable[..., TestClient]
