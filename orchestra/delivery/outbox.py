"""Passes messages of the outbox on: to the webhooks that want them, and to the people whose task has ended.

Refuses to send anything (see `webhooks`): this is one short transaction, and several workers may do it at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from django.db.models import Q
from django.db.models.functions import Now

from orchestra.delivery.topics import RUN_ENDED
from orchestra.engine.connections import borrow
from orchestra.models import Notice, OutboxMessage, Webhook, WebhookDelivery

AT_ONCE: Final = 200


def pass_on() -> int:
    """Pass on the messages that are due, the oldest first, some at a time; how many there were."""
    with borrow():
        rows = OutboxMessage.objects.filter(
            delivered_at__isnull=True, given_up_at__isnull=True, due_at__lte=Now()
        )
        rows = rows.select_related("run", "task").select_for_update(of=("self",), skip_locked=True)
        messages = list(rows.order_by("due_at")[:AT_ONCE])
        if messages:
            _tell(messages)
        return len(messages)


def _tell(messages: Sequence[OutboxMessage]) -> None:
    hooks = _listening(messages)
    WebhookDelivery.objects.bulk_create(
        [
            WebhookDelivery(message=message, webhook=hook, due_at=Now())
            for message in messages
            for hook in hooks
            if wants(hook, message)
        ],
        ignore_conflicts=True,
    )
    Notice.objects.bulk_create([*_notices(messages)], ignore_conflicts=True)
    OutboxMessage.objects.filter(pk__in=[message.pk for message in messages]).update(delivered_at=Now())


def wants(hook: Webhook, message: OutboxMessage) -> bool:
    """Whether the webhook is told of this message: of its deployment or of its system's task, and of its topics."""
    if hook.topics and message.topic not in hook.topics:
        return False
    if hook.service_id is not None:
        return message.task is not None and message.task.service_id == hook.service_id
    return _deployment(message) == hook.deployment_id


def _listening(messages: Iterable[OutboxMessage]) -> list[Webhook]:
    """The webhooks that any of the messages may concern."""
    services = {message.task.service_id for message in messages if message.task is not None}
    deployments = {_deployment(message) for message in messages}
    concerned = Q(deployment_id__in=deployments - {None}) | Q(
        service_id__in=services - {None}, service__active=True
    )
    return list(Webhook.objects.filter(concerned, active=True).order_by("pk"))


def _notices(messages: Iterable[OutboxMessage]) -> Iterable[Notice]:
    for message in messages:
        if message.topic in RUN_ENDED and message.task is not None and message.task.requester_id is not None:
            yield Notice(person_id=message.task.requester_id, message=message)


def _deployment(message: OutboxMessage) -> int | None:
    """Where it happened: a child run is in a deployment of its own."""
    if message.run is not None:
        return message.run.deployment_id
    return message.task.deployment_id if message.task is not None else None
