"""One proposal with everything that its page tells of: votes, claims, who looks, the steps of its run. One query.

Refuses to decide; raises NotFound for what is not the reader's to see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import JSONObject, Now

from orchestra.errors import NotFound
from orchestra.models import Approval, Person, Proposal, Step
from orchestra.people import roles
from reviews import queue
from reviews.models import Claim, Presence
from reviews.models.presence import LOOKS_FOR

#: So many of the newest steps are shown.
MOST_STEPS: Final = 60
#: So many votes and claims; there are never more in earnest.
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Voice:
    """One vote. `withdrawn`: when it was taken back."""

    person: int
    name: str
    verdict: str
    category: str
    reason: str
    at: datetime
    withdrawn: datetime | None


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who has claimed it, until when."""

    person: int
    name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """One step of the run. `here`: the proposal is of it."""

    name: str
    kind: str
    state: str
    began: datetime | None
    ended: datetime | None
    here: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """The proposal and what is around it. `may_review`: whether the reader has the right to decide here."""

    proposal: Proposal
    voices: Sequence[Voice]
    holders: Sequence[Holder]
    looking: int
    stops: Sequence[Stop]
    may_review: bool


def find(uid: UUID, reader: Person) -> Reading:
    """All of one proposal. Raises NotFound."""
    review = roles.visible_to(reader, "review").filter(pk=OuterRef("deployment"))
    rows = queue.visible(reader).annotate(
        voices=ArraySubquery(_voices()),
        holders=ArraySubquery(_holders()),
        lookers=ArraySubquery(_lookers(reader)),
        stops=ArraySubquery(_stops()),
        reviewed=Exists(review.values("pk")),
    )
    found: Any = rows.filter(uid=uid).first()
    if found is None:
        raise NotFound(f"There is no proposal {uid}.")
    return Reading(
        proposal=found,
        voices=[_voice(each) for each in found.voices],
        holders=[_holder(each) for each in found.holders],
        looking=len(found.lookers),
        stops=[_stop(each, found.toolcall.step_id) for each in reversed(found.stops)],
        may_review=found.reviewed,
    )


def _voices() -> QuerySet[Any]:
    told = JSONObject(
        person=F("person_id"),
        name=F("person__name"),
        full_name=F("person__full_name"),
        verdict=F("verdict"),
        category=F("category"),
        reason=F("reason"),
        at=F("created_at"),
        withdrawn=F("withdrawn_at"),
    )
    return Approval.objects.filter(proposal=OuterRef("pk")).order_by("pk").values(told=told)[:MOST]


def _holders() -> QuerySet[Any]:
    told = JSONObject(
        person=F("person_id"), name=F("person__name"), full_name=F("person__full_name"), until=F("until")
    )
    rows = Claim.objects.filter(proposal=OuterRef("pk"), until__gt=Now()).order_by("pk")
    return rows.values(told=told)[:MOST]


def _lookers(reader: Person) -> QuerySet[Any]:
    rows = Presence.objects.filter(proposal=OuterRef("pk"), seen_at__gt=Now() - LOOKS_FOR)
    return rows.exclude(person=reader).values("person_id")[:MOST]


def _stops() -> QuerySet[Any]:
    told = JSONObject(
        pk=F("pk"),
        path=F("path"),
        item=F("item"),
        kind=F("kind"),
        state=F("state"),
        began=F("started_at"),
        ended=F("finished_at"),
    )
    rows = Step.objects.filter(run=OuterRef("toolcall__run")).order_by("-ordinal")
    return rows.values(told=told)[:MOST_STEPS]


def _voice(told: Mapping[str, Any]) -> Voice:
    return Voice(
        person=told["person"],
        name=told["full_name"] or told["name"],
        verdict=told["verdict"],
        category=told["category"],
        reason=told["reason"],
        at=datetime.fromisoformat(told["at"]),
        withdrawn=_moment(told["withdrawn"]),
    )


def _holder(told: Mapping[str, Any]) -> Holder:
    return Holder(told["person"], told["full_name"] or told["name"], datetime.fromisoformat(told["until"]))


def _stop(told: Mapping[str, Any], here: int) -> Stop:
    name = told["path"] if told["item"] == Step.NO_ITEM else f"{told['path']}[{told['item']}]"
    began, ended = _moment(told["began"]), _moment(told["ended"])
    return Stop(name, told["kind"], told["state"], began, ended, told["pk"] == here)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
