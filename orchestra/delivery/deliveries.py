"""How deliveries went, for the people who may see the deployments; and sending one again by hand.

Pages go by ids, so that a deep one costs no more than the first. Refuses to show bodies: they are ids anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from orchestra import logs
from orchestra.engine.connections import borrow
from orchestra.errors import Invalid, NotAllowed, NotFound, StaleState
from orchestra.models import Person, Webhook, WebhookDelivery
from orchestra.people import roles

STATES: Final[Mapping[str, str]] = {"waiting": "Waiting", "delivered": "Delivered", "given-up": "Given up"}
ON_PAGE: Final = 50
#: Either of them lets somebody send again.
RIGHTS: Final = ("configure", "operate")
_ENDS: Final = {
    "waiting": Q(delivered_at__isnull=True, given_up_at__isnull=True),
    "delivered": Q(delivered_at__isnull=False),
    "given-up": Q(given_up_at__isnull=False),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What is wanted: the name of a webhook, a state, both empty for all; `before` is where a page ends."""

    webhook: str = ""
    state: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `older` leads to the next one, empty at the end."""

    rows: Sequence[WebhookDelivery]
    older: str = ""


def page(person: Person, filters: Filters) -> Page:
    """The newest first. Raises Invalid for a state or a place that there is not."""
    rows = visible(person)
    if filters.webhook:
        rows = rows.filter(webhook__name=filters.webhook)
    if filters.state:
        rows = rows.filter(_end(filters.state))
    if filters.before:
        rows = rows.filter(pk__lt=_place(filters.before))
    found = list(_told(rows).order_by("-pk")[: ON_PAGE + 1])
    older = str(found[ON_PAGE - 1].pk) if len(found) > ON_PAGE else ""
    return Page(found[:ON_PAGE], older)


def visible(person: Person) -> QuerySet[WebhookDelivery]:
    """Deliveries of what happened in deployments that the person sees."""
    return WebhookDelivery.objects.filter(message__run__deployment__in=roles.visible_to(person))


def webhooks(person: Person) -> list[Webhook]:
    """The webhooks that can have such deliveries: those of the deployments, and those of systems."""
    seen = Q(deployment__in=roles.visible_to(person))
    of_systems = Q(service__isnull=False, pk__in=visible(person).values("webhook"))
    return list(Webhook.objects.filter(seen | of_systems).order_by("name"))


def resendable(person: Person) -> set[int]:
    """The deployments of whose deliveries the person may send one again."""
    return {pk for right in RIGHTS for pk in roles.visible_to(person, right).values_list("pk", flat=True)}


def state(delivery: WebhookDelivery) -> str:
    """Its state, by the names of `STATES`."""
    if delivery.delivered_at is not None:
        return "delivered"
    return "given-up" if delivery.given_up_at is not None else "waiting"


def resend(*, uid: UUID, by: Person) -> WebhookDelivery:
    """Have a delivery that has not arrived sent now, under its old id; what was given up begins anew.

    Raises NotFound, NotAllowed, or StaleState when it has arrived or its webhook is off.
    """
    with borrow():
        delivery = _told(visible(by)).select_for_update(of=("self",)).filter(uid=uid).first()
        if delivery is None:
            raise NotFound(f"There is no delivery {uid}.")
        _check(delivery, by)
        attempts = 0 if delivery.given_up_at is not None else delivery.attempts
        WebhookDelivery.objects.filter(pk=delivery.pk).update(
            due_at=Now(), given_up_at=None, attempts=attempts
        )
    logs.event(
        "delivery.resent", webhook=delivery.webhook.name, message_id=str(delivery.message.uid), by=by.name
    )
    return delivery


def _check(delivery: WebhookDelivery, by: Person) -> None:
    run = delivery.message.run
    if run is None or not any(roles.may(by, right, run.deployment) for right in RIGHTS):
        raise NotAllowed("Sending again needs the right to configure or operate the deployment.")
    if delivery.delivered_at is not None:
        raise StaleState("It has arrived already, so there is nothing to send again.")
    if not delivery.webhook.active:
        raise StaleState("The webhook is switched off. An administrator switches it on first.")


def _told(rows: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
    deployment = "message__run__deployment"
    return rows.select_related(
        "webhook", "message__task", f"{deployment}__workflow", f"{deployment}__environment"
    )


def _end(name: str) -> Q:
    if name not in _ENDS:
        raise Invalid.at("/state", f"A state is one of: {', '.join(_ENDS)}.")
    return _ENDS[name]


def _place(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise Invalid.at("/before", "This page does not exist: go back to the first one.")
    return int(text)
