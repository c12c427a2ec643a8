"""The scheduler's canary: through the API, the queue, a worker and the database, again and again.

Nobody waits for it. Each turn first looks whether an earlier one came through, and then sends the next.
"""

import httpx2
import structlog
from sqlalchemy import Engine, func, select

from sample_app.internal.routes import CANARY_PATH, CANARY_TENANT
from sample_app.trust.tables import EXECUTIONS

_LOG = structlog.get_logger()
_SECONDS = 2.0


def last_return(engine: Engine) -> float | None:
    """Return when a canary last came through, in seconds since 1970; None if never."""
    columns = EXECUTIONS.c
    decided = select(func.max(columns.decided_at)).where(
        columns.tenant_id == CANARY_TENANT, columns.status == "success"
    )
    with engine.connect() as connection:
        at = connection.execute(decided).scalar_one()
    return None if at is None else float(at.timestamp())


def send(client: httpx2.Client, key: str) -> bool:
    """Send the next one; tell whether the API took it."""
    try:
        answer = client.post(CANARY_PATH, headers={"Authorization": f"Bearer {key}"}, timeout=_SECONDS)
    except httpx2.TransportError as error:
        _LOG.warning("canary_not_taken", cause=type(error).__name__)
        return False
    if answer.is_error:
        _LOG.warning("canary_not_taken", cause=str(answer.status_code))
    return not answer.is_error
