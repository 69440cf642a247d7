"""Where a decision stands: what it takes, who has voted, what the reader may do now. Reads only; `decisions` decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.models import Group
from django.utils import timezone

from orchestra import lookups
from orchestra.canonical import Json
from orchestra.engine import quorum, resolve, withdrawals
from orchestra.models import Halt, Person, Proposal, Vote
from orchestra.tools import toolbox
from orchestra.tools.sentences import visible
from reviews.proposal import facts
from reviews.proposal.marks import Piece, pieces
from reviews.proposal.reading import Reading, Voice

#: Why somebody rejects, as it is counted later. Closed.
CATEGORIES: Final[Mapping[str, str]] = {
    "wrong_data": "Wrong data",
    "not_needed": "Not needed",
    "too_risky": "Too risky",
    "wrong_target": "Wrong target",
    "against_policy": "Against policy",
    "other": "Something else",
}
#: A proposal that ends sooner is told to be urgent.
SOON: Final = timedelta(minutes=30)
#: From this tier on people type what it is about before they approve.
TYPED_FROM_TIER: Final = 4
LONGEST_TYPED: Final = 80
VERDICTS: Final[Mapping[str, str]] = {
    Vote.APPROVE: "approved",
    Vote.REJECT: "rejected",
    Vote.CHANGES: "asked for changes",
}


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote as it is shown. `said` is its verdict in words."""

    voice: Voice
    said: str
    reason: Sequence[Piece]
    category: str

    @property
    def approves(self) -> bool:
        """Whether it is for it."""
        return self.voice.verdict == Vote.APPROVE


@dataclass(frozen=True, slots=True)
class Demand:
    """Something that is asked of the votes, and whether they have it; None where that is not to be seen."""

    words: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class Panel:
    """The panel to decide. `against`: why the reader may not approve, `against_rejecting`: nor reject.

    `counts_from`: the end of the grace window; `final`: why the vote cannot be taken back though all is open.
    """

    given: int | None
    needed: int
    rejects: int | None
    rejects_needed: int
    demands: Sequence[Demand]
    votes: Sequence[Ballot]
    blind: bool
    mine: Ballot | None
    counts_from: datetime | None
    can_undo: bool
    final: str
    against: str
    against_rejecting: str
    needs_reason: bool
    typed: str
    step_up: bool
    soon: bool
    halts: Sequence[Halt]
    cancelled: bool
    categories: Mapping[str, str]

    @property
    def stopped_by(self) -> int:
        """So many more rejections refuse what the others have approved."""
        return self.rejects_needed - (self.rejects or 0)

    @property
    def may_act(self) -> bool:
        """Whether there is anything that the reader may do."""
        return not self.against or not self.against_rejecting


def of(read: Reading, reader: Person, *, halted: bool = True) -> Panel:
    """The panel for one reader. `halted`: whether any halt is on at all, as far as the caller knows."""
    proposal = read.proposal
    votes = [voice for voice in read.voices if voice.withdrawn is None]
    mine = next((voice for voice in votes if voice.person == reader.pk), None)
    is_open = proposal.state == "pending"
    blind = is_open and bool(proposal.requirements.get("blind")) and mine is None
    against = _against(read, reader, mine) if is_open else ""
    final = _final(proposal, mine, votes) if is_open else ""
    return Panel(
        given=None if blind else _number(votes, Vote.APPROVE),
        needed=proposal.votes_needed,
        rejects=None if blind else _number(votes, Vote.REJECT),
        rejects_needed=proposal.rejects_needed,
        demands=_demands(proposal, votes, blind=blind),
        votes=[] if blind else [_ballot(voice) for voice in read.voices],
        blind=blind,
        mine=_ballot(mine) if mine is not None else None,
        counts_from=proposal.effective_at if is_open and mine is not None else None,
        can_undo=is_open and mine is not None and not final and not withdrawals.counts_now(proposal),
        final=final,
        against=against or (_too_early(proposal, reader) if is_open else ""),
        against_rejecting=against,
        needs_reason=facts.needs_reason(proposal),
        typed=target(proposal) if proposal.tier >= TYPED_FROM_TIER else "",
        step_up=bool(proposal.requirements.get("step_up")),
        soon=proposal.expires_at is not None and proposal.expires_at - timezone.now() < SOON,
        halts=_halts(proposal) if halted and is_open else [],
        cancelled=proposal.toolcall.run.cancel_requested_at is not None,
        categories=CATEGORIES,
    )


def window(proposal: Proposal, *, approving: bool) -> str:
    """When something takes effect, for who has just voted; empty where there is no grace window, or none any more."""
    if proposal.state != "pending" or proposal.effective_at is None:
        return ""
    at = f"{proposal.effective_at:%H:%M:%S} UTC"
    if approving:
        return f"counts from {at}"
    return f"the others' approval takes effect at {at} unless more people reject it"


def _against(read: Reading, reader: Person, mine: Voice | None) -> str:
    """Why the reader may not decide at all; empty when they may."""
    if mine is not None:
        return f"You have {VERDICTS[mine.verdict]} this already."
    said = resolve.objection(read.proposal, reader, verdict=Vote.REJECT, may_review=read.may_review)
    return said or ""


def _too_early(proposal: Proposal, reader: Person) -> str:
    """Why an approval has to wait for a stage before it; empty when it need not."""
    if not quorum.stages(proposal.requirements):
        return ""
    return quorum.too_early(proposal.requirements, reader, resolve.standing(proposal)) or ""


def _final(proposal: Proposal, mine: Voice | None, votes: Sequence[Voice]) -> str:
    """Why a vote on something open stays (as `withdrawals.is_final`); empty when it can be taken back."""
    others = mine is not None and any(voice.person != mine.person for voice in votes)
    return withdrawals.FINAL if others and proposal.requirements.get("blind") else ""


def _ballot(voice: Voice) -> Ballot:
    category = CATEGORIES.get(voice.category, visible(voice.category))
    return Ballot(
        voice, VERDICTS.get(voice.verdict, voice.verdict), pieces(voice.reason, lines=True), category
    )


def _number(votes: Iterable[Voice], verdict: str) -> int:
    return len({voice.person for voice in votes if voice.verdict == verdict})


def _demands(proposal: Proposal, votes: Sequence[Voice], *, blind: bool) -> list[Demand]:
    """What is asked besides the number: one of each group, stages."""
    groups, stages = quorum.groups(proposal.requirements), quorum.stages(proposal.requirements)
    if not groups and not stages:
        return []
    covered = None if blind else _groups(votes)
    found = [(f"one of {group}", {group}) for group in groups]
    found += [
        (f"stage {number}, {' and '.join(sorted(stage))}", set(stage))
        for number, stage in enumerate(stages, start=1)
    ]
    return [Demand(words, None if covered is None else needed <= covered) for words, needed in found]


def _groups(votes: Sequence[Voice]) -> set[str]:
    """The groups of those who agreed."""
    people = [voice.person for voice in votes if voice.verdict == Vote.APPROVE]
    rows = Group.objects.filter(user__person__in=people, user__is_active=True)
    return set(rows.values_list("name", flat=True))


def _halts(proposal: Proposal) -> list[Halt]:
    """The halts that hold its run."""
    on = Halt.objects.filter(state="on").select_related("set_by").order_by("pk")
    run = proposal.toolcall.run
    places = {"global": True, "deployment": run.deployment_id, "run": run.pk}
    return [
        halt
        for halt in on
        if halt.scope == "global" or places[halt.scope] in {halt.deployment_id, halt.run_id}
    ]


def target(proposal: Proposal) -> str:
    """What it is about, to be typed by whoever approves something critical: a value of the call itself."""
    call = proposal.toolcall
    shown = facts.masked(proposal, args=call.arguments)["args"]
    return next(
        (text for text in (*_named(proposal, shown), *_values(shown)) if _can_be_typed(text)), call.tool_name
    )


def _named(proposal: Proposal, shown: Json) -> list[str]:
    """The object that the tool says it touches; then the values of its sentence."""
    call = proposal.toolcall
    found: list[str] = []
    if call.tool_version_id is not None:
        declaration = toolbox.declared(call.tool_version_id)
        if declaration.object:
            found.append(_text(_looked_up(declaration.object, shown)))
    if isinstance(shown, dict):
        found += [_text(shown.get(part.argument)) for part in facts.sentence(proposal) if part.argument]
    return found


def _looked_up(template: str, shown: Json) -> Json:
    try:
        return lookups.resolve(template, {"args": shown})
    except lookups.ExpressionError:
        return None


def _values(shown: Json) -> list[str]:
    return [_text(value) for value in shown.values()] if isinstance(shown, dict) else []


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return ""
    return str(value) if isinstance(value, str | int) else ""


def _can_be_typed(text: str) -> bool:
    return (
        bool(text.strip()) and len(text) <= LONGEST_TYPED and visible(text) == text and text != "[redacted]"
    )
