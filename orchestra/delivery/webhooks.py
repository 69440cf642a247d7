"""Deliveries on their way: takes those that are due, writes down what came of them, tries again or gives up.

A claim pushes `due_at` into the future before anything is sent, so a worker that dies leads to another try later
and never to two at once. Refuses to send (see `sending`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from orchestra import logs
from orchestra.delivery import events, pauses
from orchestra.delivery.sending import Parcel, Report
from orchestra.engine.connections import borrow
from orchestra.models import Webhook, WebhookDelivery

#: The most sendings to one address at once, by one worker.
EACH: Final = 4
LONGEST_ERROR: Final = 500
GONE: Final = "The webhook was switched off, because its receiver answered 410."
DEAD: Final = (
    "The webhook was switched off, because a message was given up and none had arrived for three days."
)
#: How long an address that takes nothing is asked.
PATIENCE: Final = timedelta(days=3)
TOO_LATE: Final = "The webhook has been switched off for longer than a message is kept."

# Each address has its own share, so that one with ten thousand messages due holds up nobody else.
CLAIM = """
UPDATE orchestra_webhookdelivery d
SET attempts = d.attempts + 1, due_at = clock_timestamp() + %(lease)s * interval '1 second'
FROM (
  SELECT due.id FROM orchestra_webhook w CROSS JOIN LATERAL (
    SELECT id, due_at FROM orchestra_webhookdelivery
    WHERE webhook_id = w.id AND due_at <= clock_timestamp() AND delivered_at IS NULL AND given_up_at IS NULL
    ORDER BY due_at LIMIT %(each)s FOR UPDATE SKIP LOCKED
  ) due WHERE w.active AND w.id <> ALL(%(busy)s) ORDER BY due.due_at LIMIT %(free)s
) chosen WHERE d.id = chosen.id RETURNING d.id, extract(epoch FROM clock_timestamp())::bigint
"""
FORGOTTEN = """
UPDATE orchestra_webhookdelivery d SET given_up_at = clock_timestamp(), last_error = %(said)s
FROM orchestra_webhook w WHERE w.id = d.webhook_id AND NOT w.active AND d.delivered_at IS NULL
  AND d.given_up_at IS NULL AND d.due_at < clock_timestamp() - interval '3 days'
"""


def claim(*, free: int, busy: Iterable[int]) -> list[Parcel]:
    """Take up to `free` deliveries that are due, none of the webhooks that are `busy`."""
    send_by = time.monotonic() + settings.WEBHOOK_TIMEOUT
    with borrow():
        with connection.cursor() as cursor:
            cursor.execute(FORGOTTEN, {"said": TOO_LATE})
            cursor.execute(CLAIM, {"lease": lease(), "each": EACH, "free": free, "busy": list(busy)})
            moments = {int(row[0]): int(row[1]) for row in cursor.fetchall()}
        found = _told(WebhookDelivery.objects.filter(pk__in=moments)) if moments else ()
        return [_parcel(delivery, moments[delivery.pk], send_by) for delivery in found]


def lease() -> float:
    """Seconds for which a claim holds: longer than any sending that begins in time can last."""
    return float(3 * settings.WEBHOOK_TIMEOUT)


def record(reports: Sequence[Report], chance: float) -> None:
    """Write down what came of sendings. `chance` in [0, 1) spreads the next tries."""
    with borrow():
        ends = [_write(report, chance) for report in reports]
    for report, end in zip(reports, ends, strict=True):
        _log(report, end)


def _write(report: Report, chance: float) -> str:
    """Why its webhook was switched off by this; empty where it was not."""
    waiting = WebhookDelivery.objects.filter(
        pk=report.parcel.delivery, delivered_at__isnull=True, given_up_at__isnull=True
    )
    if not report.error:
        waiting.update(delivered_at=Now(), last_status=report.status, last_error="")
        return ""
    said = {"last_status": report.status, "last_error": report.error[:LONGEST_ERROR]}
    mine = waiting.filter(attempts=report.parcel.attempt)
    pause = pauses.after(report.parcel.attempt, chance, asked=report.asked, first=settings.WEBHOOK_PAUSE)
    if report.gone or pause is None:
        mine.update(given_up_at=Now(), **said)
    else:
        mine.update(due_at=Now() + timedelta(seconds=pause), **said)
    if report.gone:
        return _switch_off(report.parcel.webhook, GONE)
    if pause is None and not _takes_anything(report.parcel.webhook):
        return _switch_off(report.parcel.webhook, DEAD)
    return ""


def _takes_anything(webhook: int) -> bool:
    return WebhookDelivery.objects.filter(webhook=webhook, delivered_at__gte=Now() - PATIENCE).exists()


def _switch_off(webhook: int, said: str) -> str:
    """Its receiver wants nothing any more, or is not there: what waits for it is given up too."""
    if not Webhook.objects.filter(pk=webhook, active=True).update(active=False):
        return ""
    waiting = WebhookDelivery.objects.filter(
        webhook=webhook, delivered_at__isnull=True, given_up_at__isnull=True
    )
    waiting.update(given_up_at=Now(), last_error=said)
    return said


def _log(report: Report, end: str) -> None:
    parcel = report.parcel
    arrived = not report.error
    logs.event(
        "delivery.arrived" if arrived else "delivery.failed",
        level=logs.INFO if arrived else logs.WARNING,
        webhook=parcel.webhook_name,
        message_id=parcel.message,
        attempt=parcel.attempt,
        status=report.status,
    )
    if end == GONE:
        logs.event("webhook.switched_off", level=logs.WARNING, webhook=parcel.webhook_name)
    if end == DEAD:
        logs.event("webhook.given_up", level=logs.WARNING, webhook=parcel.webhook_name)


def _told(rows: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
    """With everything that a body is made of."""
    deployment = "message__run__deployment"
    return rows.select_related(
        "webhook", "message__task", f"{deployment}__workflow", f"{deployment}__environment"
    )


def _parcel(delivery: WebhookDelivery, moment: int, send_by: float) -> Parcel:
    hook, message = delivery.webhook, delivery.message
    return Parcel(
        delivery=delivery.pk,
        webhook=hook.pk,
        webhook_name=hook.name,
        attempt=delivery.attempts,
        message=str(message.uid),
        moment=moment,
        url=hook.url,
        secret_reference=hook.secret_reference,
        body=events.body(message),
        send_by=send_by,
    )
