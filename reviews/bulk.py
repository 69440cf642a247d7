"""Several proposals decided by one form, each in a transaction of its own. Refuses to judge: `decisions` does.

What may be approved together is alike: one tool, one environment, one version of the rules, a low or medium tier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from orchestra.canonical import Json
from orchestra.engine import resolve
from orchestra.errors import Invalid, NotAllowed, NotFound, OrchestraError
from orchestra.models import Approval, Person, Proposal, User
from reviews import decisions, queue
from reviews.proposal import panel
from reviews.proposal.facts import TIERS
from reviews.queue import Reader

MOST: Final = 25
HIGHEST_APPROVED: Final = 2
VERBS: Final[Mapping[str, str]] = {"approve": "Approve", "reject": "Reject", "changes": "Ask for changes"}
#: How an item that was not decided is called.
NOT_ALLOWED: Final = "not allowed"
CONFLICT: Final = "conflict"


@dataclass(frozen=True, slots=True)
class Item:
    """One proposal of the set; `against` says why it cannot be decided here, empty when it can."""

    proposal: Proposal
    sentence: str
    digest: str
    tier: str
    against: str = ""


@dataclass(frozen=True, slots=True)
class Ballot:
    """What is said of every item, the digest that the page displayed for each, and how the person was known."""

    verb: str
    digests: Mapping[UUID, bytes]
    reason: str
    category: str
    account: User | None
    opened_at: datetime | None = None
    authentication: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one item."""

    uid: UUID
    sentence: str
    word: str
    said: str = ""

    @property
    def done(self) -> bool:
        """Whether a vote was counted."""
        return self.word not in {NOT_ALLOWED, CONFLICT}


def read(texts: Iterable[str]) -> list[UUID]:
    """The items that are named, each once. Raises Invalid for none, for too many, and for what names nothing."""
    try:
        uids = list(dict.fromkeys(UUID(text) for text in texts))
    except ValueError:
        raise Invalid.at("/item", "An item is named by its id.") from None
    if not uids:
        raise Invalid.at("/item", "Nothing is selected: go back, and select what belongs together.")
    if len(uids) > MOST:
        raise Invalid.at("/item", f"At most {MOST} at once; {len(uids)} are selected.")
    return uids


def items(uids: Sequence[UUID], verb: str, reader: Reader) -> list[Item]:
    """The proposals in the order of the queue, with what stands against each. Raises NotFound, as for a single one."""
    rows = queue.told(queue.judged(reader).filter(uid__in=uids))
    found = list(rows.order_by("-tier", "created_at", "pk"))
    if len(found) < len(uids):
        raise NotFound("Something that was selected does not exist, or it is not yours to see.")
    against = {row.pk: _against(row, verb, reader) for row in found}
    mixed = _mixed([row for row in found if not against[row.pk]]) if verb == "approve" else ""
    return [_item(row, against[row.pk] or mixed) for row in found]


def decide(chosen: Sequence[Item], ballot: Ballot, by: Person) -> list[Outcome]:
    """Decide each by itself; what cannot be decided says why, and keeps no other back. A second click decides no more."""
    outcomes = [_decide(item, ballot, by) for item in chosen]
    if all(outcome.done for outcome in outcomes):
        return outcomes
    before = {proposal.uid: proposal for proposal in taken(chosen, ballot, by)}
    return [
        _outcome(before[one.uid], ballot) if one.uid in before and not one.done else one for one in outcomes
    ]


def taken(chosen: Sequence[Item], ballot: Ballot, by: Person) -> list[Proposal]:
    """Those that this very form has voted on already."""
    token = ballot.authentication.get("form")
    if not token:
        return []
    made = Approval.objects.filter(person=by, withdrawn_at__isnull=True, authentication__form=token)
    uids = [item.proposal.uid for item in chosen]
    return list(Proposal.objects.filter(uid__in=uids, pk__in=made.values("proposal")))


def _item(row: Any, against: str) -> Item:
    return Item(row, row.sentence, bytes(row.digest).hex(), TIERS[row.tier], against)


def _against(row: Any, verb: str, reader: Reader) -> str:
    if row.state != "pending":
        return f"It is {row.state} already."
    if not row.mine:
        said = resolve.objection(row, reader.person, verdict=verb)
        return said or "You have voted on this already."
    if verb != "approve":
        return ""
    if row.tier > HIGHEST_APPROVED:
        return "Its tier is too high: read it, and decide it on its own page."
    if row.requirements.get("step_up"):
        return "It wants a fresh sign-in: decide it on its own page."
    return ""


def _mixed(rows: Sequence[Proposal]) -> str:
    """Why these cannot be approved together; empty when they can."""
    kinds = (
        ("tool", {row.toolcall.tool_name for row in rows}),
        ("environment", {row.deployment.environment.name for row in rows}),
    )
    for word, names in kinds:
        if len(names) > 1:
            return f"Only what has one {word} is approved together; here are {' and '.join(sorted(names))}."
    if len({_rules(row) for row in rows}) > 1:
        return "Only what the same version of the rules asks about is approved together."
    return ""


def _rules(row: Proposal) -> frozenset[tuple[str, str]]:
    return frozenset((str(hit["policy"]), str(hit["version"])) for hit in row.ruling.rules)


def _decide(item: Item, ballot: Ballot, by: Person) -> Outcome:
    uid = item.proposal.uid
    if item.against:
        return Outcome(uid, item.sentence, NOT_ALLOWED, item.against)
    try:
        decided = VOTES[ballot.verb](uid, ballot, by)
    except NotAllowed as error:
        return Outcome(uid, item.sentence, NOT_ALLOWED, error.message)
    except OrchestraError as error:
        if error.status >= 500:
            raise
        return Outcome(uid, item.sentence, CONFLICT, error.message)
    return _outcome(decided, ballot)


def _outcome(decided: Proposal, ballot: Ballot) -> Outcome:
    word = decided.state if decided.state != "pending" else "your vote is counted"
    said = panel.window(decided, approving=ballot.verb == "approve")
    return Outcome(decided.uid, decided.sentence, word, said)


def _said(ballot: Ballot, uid: UUID) -> dict[str, Any]:
    return {
        "digest": ballot.digests.get(uid, b""),
        "reason": ballot.reason,
        "account": ballot.account,
        "opened_at": ballot.opened_at,
        "authentication": ballot.authentication,
    }


VOTES: Final[Mapping[str, Callable[[UUID, Ballot, Person], Proposal]]] = {
    "approve": lambda uid, ballot, by: decisions.approve(uid, by=by, **_said(ballot, uid)),
    "reject": lambda uid, ballot, by: decisions.reject(
        uid, by=by, category=ballot.category, **_said(ballot, uid)
    ),
    "changes": lambda uid, ballot, by: decisions.ask_changes(
        uid, by=by, category=ballot.category, **_said(ballot, uid)
    ),
}
