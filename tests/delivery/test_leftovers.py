"""What has served its time is taken away, the oldest first and some at a time; what is still needed stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import override_settings

from orchestra.delivery import leftovers, outbox
from orchestra.delivery.leftovers import Leftovers
from orchestra.models import IdempotencyKey, Notice, OutboxMessage, RateWindow, Run, WebhookDelivery
from tests import factories
from tests.databases import Database
from tests.delivery.conftest import Post

LONG_AGO = timedelta(days=40)


def told(post: Post, **columns: object) -> OutboxMessage:
    """A message that was passed on long ago, to a webhook and to its requester."""
    message = post.end(factories.task(post.deployment, requester=factories.person()))
    outbox.pass_on()
    then = factories.now() - LONG_AGO
    OutboxMessage.objects.filter(pk=message.pk).update(delivered_at=then)
    WebhookDelivery.objects.filter(message=message).update(**{"delivered_at": then, **columns})
    Notice.objects.filter(message=message).update(read_at=then)
    return message


def left() -> tuple[int, int, int]:
    """How many messages, deliveries and notices there are."""
    return OutboxMessage.objects.count(), WebhookDelivery.objects.count(), Notice.objects.count()


def test_old_message_goes_with_its_delivery_and_its_read_notice_and_the_run_stays(post: Post) -> None:
    told(post)
    leftovers.clear()
    assert left() == (0, 0, 0)
    assert Run.objects.count() == 1


def test_message_that_still_waits_or_is_recent_stays(post: Post) -> None:
    waiting = told(post, delivered_at=None)
    recent = told(post, delivered_at=factories.now())
    post.end()
    leftovers.clear()
    assert set(WebhookDelivery.objects.values_list("message", flat=True)) == {waiting.pk, recent.pk}
    assert left() == (3, 2, 0)


def test_notice_that_nobody_has_read_keeps_its_message(post: Post) -> None:
    message = told(post)
    Notice.objects.update(read_at=None)
    leftovers.clear()
    assert left() == (1, 0, 1)
    assert OutboxMessage.objects.get() == message


@override_settings(KEEP_MESSAGES=60)
def test_how_long_is_a_setting(post: Post) -> None:
    told(post)
    leftovers.clear()
    assert left() == (1, 1, 1)


def test_expired_keys_and_old_windows_go(database: Database) -> None:
    for number, moment in enumerate((-5, 3600)):
        IdempotencyKey.objects.create(
            owner="person:p", key=str(number), body_digest=b"d" * 32, expires_at=factories.now(moment)
        )
        RateWindow.objects.create(
            owner=f"person:{number}", since=factories.now() - timedelta(days=2 * (1 - number))
        )
    leftovers.clear()
    assert [row.key for row in IdempotencyKey.objects.all()] == ["1"]
    assert [row.owner for row in RateWindow.objects.all()] == ["person:1"]


def test_much_goes_in_portions_and_then_an_hour_passes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "AT_ONCE", 2)
    old = factories.now() - timedelta(days=2)
    RateWindow.objects.bulk_create(RateWindow(owner=f"person:{number}", since=old) for number in range(5))
    sweeper, counts = Leftovers(), []
    for _ in range(4):
        sweeper.clear()
        counts.append(RateWindow.objects.count())
    assert counts == [3, 1, 0, 0]
    RateWindow.objects.create(owner="person:late", since=old)
    sweeper.clear()
    assert RateWindow.objects.count() == 1
