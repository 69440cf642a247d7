"""A deployment, a receiver, and a webhook between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import override_settings

from orchestra.delivery import outbox, sending, webhooks
from orchestra.delivery.sending import Report
from orchestra.engine import outbox as written
from orchestra.models import Deployment, Notice, OutboxMessage, Task, Webhook, WebhookDelivery
from orchestra.people import roles
from tests import factories
from tests.databases import Database
from tests.delivery.receiver import SECRET, Receiver, receiving

VARIABLE = "HOOK_SECRET"


@dataclass
class Post:
    """A webhook of `deployment` that leads to `receiver`."""

    receiver: Receiver
    deployment: Deployment
    hook: Webhook

    def add(self, **columns: Any) -> Webhook:
        """Another webhook to the same receiver."""
        given = {
            "name": factories.name("hook"),
            "url": self.receiver.url,
            "secret_reference": f"env:{VARIABLE}",
        }
        return Webhook.objects.create(**{**given, **columns})

    def end(self, task: Task | None = None, state: str = "succeeded", **columns: Any) -> OutboxMessage:
        """A run that has ended, and its message, not passed on yet."""
        run = factories.run(task or factories.task(self.deployment), state=state, **columns)
        written.announce(run)
        return OutboxMessage.objects.get(run=run)

    def round(self) -> list[Report]:
        """Pass on, claim, send, record: what a postman does, one after the other."""
        outbox.pass_on()
        reports = [sending.send(parcel) for parcel in webhooks.claim(free=100, busy=[])]
        webhooks.record(reports, 0.5)
        return reports

    def hurry(self) -> None:
        """All that waits is due now."""
        waiting = WebhookDelivery.objects.filter(delivered_at__isnull=True, given_up_at__isnull=True)
        waiting.update(due_at=Now() - timedelta(seconds=1))

    def delivery(self) -> WebhookDelivery:
        """The one delivery that there is."""
        return WebhookDelivery.objects.get()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def post(database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    monkeypatch.setenv(VARIABLE, SECRET)
    deployment = factories.deployment()
    roles.give_defaults(deployment)
    with override_settings(WEBHOOK_ALLOW=[receiver.allow], WEBHOOK_TIMEOUT=5.0, WEBHOOK_POLL=0.02):
        made = Post(receiver, deployment, Webhook())
        made.hook = made.add(deployment=deployment)
        yield made


def notices() -> list[tuple[str, str]]:
    """Who is told of what on their pages."""
    return [(notice.person.name, notice.message.topic) for notice in Notice.objects.order_by("pk")]
