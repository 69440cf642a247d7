"""How much may come at once: so many requests a minute, counted in the database for all web processes together.

One statement for one request. It does not wait for the disk: a count that a crash forgets harms nobody.
"""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from orchestra.errors import LimitHit

WINDOW: Final = 60
#: The setting holds for this statement's own transaction; it takes effect when that commits.
COUNT: Final = """
WITH soon AS (SELECT set_config('synchronous_commit', 'off', true) AS lazily, clock_timestamp() AS at)
INSERT INTO orchestra_ratewindow AS kept (owner, since, used) SELECT %s, soon.at, 1 FROM soon WHERE lazily = 'off'
ON CONFLICT (owner) DO UPDATE SET
  used = CASE WHEN kept.since <= excluded.since - %s * interval '1 second' THEN 1 ELSE kept.used + 1 END,
  since = CASE WHEN kept.since <= excluded.since - %s * interval '1 second' THEN excluded.since ELSE kept.since END
RETURNING used, extract(epoch FROM since - clock_timestamp()) + %s
"""


def count(owner: str, most: int, *, what: str) -> None:
    """Count one more. Raises LimitHit when there were too many in this minute."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [owner[:120], WINDOW, WINDOW, WINDOW])
        used, left = cursor.fetchone()
    if used > most:
        raise LimitHit(f"{what}: at most {most} in a minute.", retry_after=max(1.0, float(left)))


def request_of(owner: str) -> None:
    """One request of somebody who has been let in."""
    count(owner, settings.RATE, what="Too many requests")


def stranger(request: HttpRequest) -> None:
    """One attempt to come in without a living token."""
    count(
        f"address:{address(request)}",
        settings.RATE_STRANGERS,
        what="Too many attempts without a living token",
    )


def address(request: HttpRequest) -> str:
    """Where a request comes from: behind a proxy that we believe, what that one says last."""
    told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    proxied = getattr(settings, "SECURE_PROXY_SSL_HEADER", None) is not None
    return told if proxied and told else str(request.META.get("REMOTE_ADDR", ""))
