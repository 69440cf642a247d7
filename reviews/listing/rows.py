"""One line of the queue, as plain data: a proposal or a question, what it says, how long it waits, what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    Case,
    CharField,
    Count,
    F,
    IntegerField,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Now, NullIf
from django.urls import reverse

from orchestra.engine import verdicts
from orchestra.models import Approval, Edit, HumanTask, Person, Proposal, Vote
from orchestra.tools.sentences import visible
from reviews.models import Claim, Presence
from reviews.models.presence import LOOKS_FOR
from reviews.proposal.facts import TIERS
from reviews.proposal.panel import SOON

KINDS: Final[Mapping[str, str]] = {"form": "question", "escalation": "stuck", "unknown": "in doubt"}


def _called(person: str) -> Coalesce:
    full = NullIf(F(f"{person}__full_name"), Value(""))
    return Coalesce(full, F(f"{person}__name"), output_field=CharField())


NAME: Final = _called("person")
ANSWERED_BY: Final = _called("answered_by")
#: The columns that both kinds of rows have, those that tell how far a proposal is, and where a row belongs.
SHARED: Final = ("pk", "uid", "state", "created_at", "expires_at")
STANDING: Final = ("requirements", "votes_needed", "effective_at", "have", "last_by", "claimed", "looking")
PLACES: Final = {
    "workflow": F("deployment__workflow__name"),
    "environment": F("deployment__environment__name"),
    "agent": F("toolcall__turn__agent_version__agent__name"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """What one line shows. `can` says whether it may be selected; `by` who decided."""

    uid: str
    href: str
    tier: int
    word: str
    sentence: str
    workflow: str
    environment: str
    agent: str
    since: datetime
    ended: datetime | None
    waiting: str
    soon: str
    standing: Standing
    can: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How far it is, and who is at it: what news tell again."""

    uid: str
    state: str
    needs: str
    by: str = ""
    claimed: Sequence[str] = ()
    looking: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing is asked here any more."""
        return self.state not in {"pending", "open"}


def with_standing(rows: QuerySet[Proposal], reader: Person) -> QuerySet[Proposal]:
    """Proposals with the columns that `of_proposal` reads: votes, claims, who looks, who was the last to decide."""
    live = Approval.objects.filter(proposal=OuterRef("pk"), withdrawn_at__isnull=True)
    claims = Claim.objects.filter(proposal=OuterRef("pk"), until__gt=Now()).exclude(person=reader)
    looks = Presence.objects.filter(proposal=OuterRef("pk"), seen_at__gt=Now() - LOOKS_FOR)
    return rows.annotate(
        have=_number(live.filter(verdict=Vote.APPROVE)),
        last_by=_decider(live),
        claimed=ArraySubquery(claims.order_by("until").values(called=NAME)),
        looking=_number(looks.exclude(person=reader)),
    )


def _decider(live: QuerySet[Approval]) -> Case:
    """The name of whose word was the last (see `verdicts`), nobody while there is none."""
    ended = [
        When(state=state, then=Subquery(live.filter(verdict=verdict).order_by("-pk").values(called=NAME)[:1]))
        for state, verdict in verdicts.OF.items()
    ]
    edits = Edit.objects.filter(proposal=OuterRef("pk")).values(called=NAME)[:1]
    return Case(*ended, When(state="superseded", then=Subquery(edits)), output_field=CharField())


def proposals(rows: QuerySet[Proposal], reader: Person) -> list[SimpleNamespace]:
    """What lines of proposals are made of, and no more: arguments and bytes of calls may be large."""
    told = with_standing(rows, reader).values(*SHARED, *STANDING, "decided_at", "sentence", "tier", **PLACES)
    return [SimpleNamespace(**columns) for columns in told]


def questions(rows: QuerySet[HumanTask]) -> list[SimpleNamespace]:
    """The same of questions, which come with `tier` and `decided_at` (see `tasks`)."""
    who = {"asked_of": F("group__name"), "by": ANSWERED_BY}
    told = rows.values(*SHARED, "decided_at", "tier", "kind", "title", **who, **PLACES)
    return [SimpleNamespace(**columns) for columns in told]


def of_proposal(one: Any, now: datetime, *, can: bool) -> Row:
    """The line of a proposal."""
    href = reverse("reviews:detail", args=[one.uid])
    return _row(one, now, href, TIERS[one.tier], one.sentence, of_votes(vars(one)), can=can)


def of_question(one: Any, now: datetime) -> Row:
    """The line of a question."""
    href = reverse("reviews:question", args=[one.uid])
    standing = of_answer(one.uid, one.state, one.asked_of, one.by or "")
    return _row(one, now, href, KINDS[one.kind], visible(one.title), standing, can=False)


def _row(
    one: Any, now: datetime, href: str, word: str, sentence: str, standing: Standing, *, can: bool
) -> Row:
    return Row(
        uid=str(one.uid),
        href=href,
        tier=one.tier,
        word=word,
        sentence=sentence,
        workflow=one.workflow,
        environment=one.environment,
        agent=one.agent or "",
        since=one.created_at,
        ended=one.decided_at,
        waiting=lasted(now - (one.decided_at or one.created_at)),
        soon=_soon(one, now),
        standing=standing,
        can=can,
    )


def of_votes(columns: Mapping[str, Any]) -> Standing:
    """How far a proposal is, by the columns of `with_standing`. Where votes are blind, nobody is told how many there are."""
    pending, wanted = columns["state"] == "pending", columns["votes_needed"]
    blind = pending and bool(columns["requirements"].get("blind"))
    needs = f"{wanted} unseen" if blind else f"{min(columns['have'], wanted)} of {wanted}"
    agreed = pending and not blind and columns["effective_at"] is not None
    return Standing(
        str(columns["uid"]),
        columns["state"],
        f"{needs}, agreed" if agreed else needs,
        by=columns["last_by"] or "",
        claimed=tuple(columns["claimed"]),
        looking=columns["looking"],
    )


def of_answer(uid: object, state: str, group: str, by: str) -> Standing:
    """How far a question is."""
    return Standing(str(uid), state, f"one of {group}", by=by)


def lasted(time: timedelta) -> str:
    """A time in the one unit that tells enough."""
    minutes = int(time.total_seconds() // 60)
    if minutes < 1:
        return "under 1 min"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // (24 * 60)} days"


def _soon(row: Any, now: datetime) -> str:
    if row.expires_at is None or row.state not in {"pending", "open"} or row.expires_at - now > SOON:
        return ""
    if row.expires_at <= now:
        return "time is over"
    return f"{lasted(row.expires_at - now)} left"


def _number(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.order_by().values("proposal").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
