"""What would happen if a proposal were approved: the tool's preview, and its arguments beside what was observed. Reads only.

Made from the stored call alone, never from the agent's words. What reviewers are not to see is masked before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final
from urllib.parse import urlsplit

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.models import Proposal
from orchestra.policies import origins
from reviews.proposal import diff, facts, hosts, lines
from reviews.proposal.diff import ABSENT, Change, Comparison, Value
from reviews.proposal.marks import Piece, pieces

#: Where the values of an argument were seen before, in words.
SEEN: Final[Mapping[str, str]] = {
    origins.PERSON: "a reviewer has written it",
    origins.REQUESTER: "the request says it",
    origins.TOOL: "an earlier result says it",
    origins.AGENT: "nobody has said it but the agent",
    origins.NOTHING: "",
}
#: Members of a preview that are told in words.
TOLD: Final = frozenset(
    {
        "before",
        "after",
        "creates",
        "updates",
        "deletes",
        "count",
        "money",
        "people",
        "irreversible",
        "refused",
    }
)
ALL: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Group:
    """Values of one object, before and after."""

    title: Sequence[Piece]
    values: Comparison


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its values, and where they come from. `beside`: what else was observed under its name.

    That need not be what the call changes; what changes, the preview tells.
    """

    name: Sequence[Piece]
    values: Comparison
    beside: Sequence[Piece]
    seen: str
    made_up: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """All of it. `known`: the tool can show beforehand. `warnings` are sentences on hosts that look like others."""

    known: bool
    says: Sequence[Sequence[Piece]]
    irreversible: bool
    refused: Sequence[Piece]
    groups: Sequence[Group]
    rest: Comparison
    arguments: Sequence[Argument]
    warnings: Sequence[Sequence[Piece]]

    def find(self, at: str) -> Change | None:
        """The value at a place."""
        shown = [
            *(group.values for group in self.groups),
            self.rest,
            *(each.values for each in self.arguments),
        ]
        every = chain.from_iterable((*values.changes, *values.same) for values in shown)
        return next((change for change in every if change.at == at), None)


def of(proposal: Proposal, context: Mapping[str, Any], *, longest: int = diff.LONGEST) -> Effect:
    """The effect of a proposal; `context` is what its ruling was made from."""
    call = proposal.toolcall
    seen = facts.observed(call)
    given = facts.masked(proposal, args=call.arguments, observed=seen, preview=proposal.preview)
    preview = given["preview"] if isinstance(given["preview"], dict) else {}
    rest = _rest(given["preview"])
    provenance = context.get("provenance") or {}
    return Effect(
        known=proposal.preview is not None,
        says=[pieces(sentence) for sentence in _says(preview)] or _silence(given["preview"]),
        irreversible=bool(preview.get("irreversible")),
        refused=pieces(str(preview.get("refused") or "")),
        groups=list(_groups(preview, longest)),
        rest=diff.compare(rest, rest, at="/preview", longest=longest) if rest else Comparison([]),
        arguments=list(_arguments(given["args"], given["observed"], provenance, longest)),
        warnings=[
            pieces(said) for said in hosts.warnings([given["args"]], _known(call.target, given["observed"]))
        ],
    )


def _rest(preview: Json) -> Json:
    """What of a preview is told in no other way: all of one that is no object, or is kept from people as a whole."""
    if not isinstance(preview, dict):
        return preview
    return {name: value for name, value in preview.items() if name not in TOLD or _is_listed(name, value)}


def _silence(preview: Json) -> list[Sequence[Piece]]:
    """A word for a preview that holds nothing."""
    return [pieces("The other system names nothing that would change.")] if preview in ({}, []) else []


def _known(target: str, seen: Json) -> list[str]:
    """Hosts that are in use: where the call goes, and those of what was observed."""
    texts = [text for text in hosts.texts(seen) for text in hosts.hosts(text)]
    return [urlsplit(target).hostname or "", *texts]


def _is_listed(name: str, value: Json) -> bool:
    """A member that says more than a number does: its objects are shown."""
    return name in {"creates", "deletes", "people"} and isinstance(value, dict | list) and bool(value)


def _says(preview: Mapping[str, Any]) -> Iterator[str]:
    """The preview in sentences."""
    for name, verb in (("creates", "Makes"), ("updates", "Changes"), ("deletes", "Removes")):
        if (number := _number(preview.get(name))) is not None and number:
            yield f"{verb} {number:,} object{'' if number == 1 else 's'}."
    count = _number(preview.get("count"))
    if count is not None and not any(preview.get(name) for name in ("creates", "updates", "deletes")):
        yield f"Touches {count:,} object{'' if count == 1 else 's'}."
    if (people := _number(preview.get("people"))) is not None and people:
        yield f"Reaches {people:,} {'person' if people == 1 else 'people'}."
    yield from (f"Moves {said}." for said in _money(preview.get("money")))


def _money(value: Json) -> Iterator[str]:
    each = value if isinstance(value, list) else [value]
    for item in each[: diff.MOST]:
        if isinstance(item, dict) and item:
            yield diff.money(item) if diff.is_money(item) else _plainly(item)


def _plainly(item: Mapping[str, Any]) -> str:
    """`refund of 12.5 (gift_card_1)`: an amount whose currency nobody has said."""
    kind, amount, method = (item.get(name) for name in ("kind", "amount", "method"))
    return f"{amount}" + (
        f" ({', '.join(str(said) for said in (kind, method) if said)})" if kind or method else ""
    )


def _number(value: Json) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, list):
        return len(value)
    return _number(value.get("count")) if isinstance(value, dict) else None


def _groups(preview: Mapping[str, Any], longest: int) -> Iterator[Group]:
    """What changes, object by object."""
    if "before" in preview or "after" in preview:
        yield _group(preview, "", "/preview/-", longest)
    updates = preview.get("updates")
    for place, each in enumerate(updates if isinstance(updates, list) else []):
        if isinstance(each, dict):
            yield _group(each, str(each.get("object") or ""), f"/preview/updates/{place}", longest)


def _group(sides: Mapping[str, Any], title: str, at: str, longest: int) -> Group:
    before, after = sides.get("before", ABSENT), sides.get("after", ABSENT)
    return Group(pieces(title), diff.compare(_side(before), _side(after), at=at, longest=longest))


def _side(value: Value) -> Value:
    return ABSENT if value is None else value


def _arguments(args: Json, seen: Json, provenance: Mapping[str, Any], longest: int) -> Iterator[Argument]:
    for name, value in args.items() if isinstance(args, dict) else [("", args)]:
        origin = str(provenance.get(name) or "")
        values = diff.compare(value, value, at=f"/args/{name}", longest=longest)
        beside = pieces(_beside(seen, name))
        yield Argument(pieces(name), values, beside, SEEN.get(origin, ""), origin == origins.AGENT)


def _beside(seen: Json, name: str) -> str:
    """The value that was observed under this name, and where: only one that holds no others, if there is just one."""
    found = [(where, value) for where, called, value in _members(seen) if called == name]
    if len(found) != 1:
        return ""
    where, value = found[0]
    said = value if isinstance(value, str) else canonical.encode(value).decode()
    cut = f"{said[: lines.SHORT]}…" if len(said) > lines.SHORT else said
    return f"{where or 'what was observed'} has {cut or '(empty)'} under this name"


def _members(value: Json) -> Iterator[tuple[str, str, Json]]:
    """Every named value that holds no others: where it is, its name, and it."""
    waiting = [("", value)]
    while waiting:
        at, item = waiting.pop()
        for name, below in item.items() if isinstance(item, dict) else []:
            if isinstance(below, dict | list):
                waiting.append((f"{at}.{name}" if at else name, below))
            else:
                yield at, name, below
        for number, below in enumerate(item if isinstance(item, list) else []):
            waiting.append((f"{at}[{number}]", below))
