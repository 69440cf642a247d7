"""Laws of judging, tried on many policies: order is nothing, more rules are stricter, two judgements make one."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.contracts import Action, Delivery, Effect, Judgement, Requirements, RuleHit, Verdict
from orchestra.policies import requirements
from orchestra.policies.document import Document, Rule
from orchestra.policies.judge import BUILT_IN, apply_mode, judge, strictest

GROUPS = st.sampled_from(["leads", "money", "boss", "crew"])
CONDITIONS = ["args.n > 1", "args.n > 2 || args.n == 0", "args.gone == 1", "observed != null", "has(args.n)"]
WEIGHT = {Verdict.ALLOW: 0, Verdict.REVIEW: 1, Verdict.DENY: 2}

demands = st.builds(
    Requirements,
    votes=st.integers(1, 4),
    rejects=st.integers(1, 3),
    groups=st.frozensets(GROUPS, max_size=2),
    stages=st.frozensets(st.lists(GROUPS, min_size=1, max_size=3, unique=True).map(tuple), max_size=2),
    reason=st.booleans(),
    step_up=st.booleans(),
    blind=st.booleans(),
    other_than_editor=st.booleans(),
    expires_in=st.none() | st.sampled_from([60.0, 3_600.0]),
    remind_after=st.none() | st.sampled_from([30.0, 600.0]),
    escalate_to=st.frozensets(GROUPS, max_size=2),
    sample=st.sampled_from([0.1, 0.5, 1.0]),
    grace=st.sampled_from([0.0, 10.0]),
    tier=st.integers(1, 4),
    redact=st.frozensets(st.sampled_from(["args.a", "args.b"]), max_size=2),
)


def rule(id: str, tool: str, verdict: Verdict, when: str | None, asked: Requirements) -> Rule:  # noqa: A002
    requires = asked if verdict is Verdict.REVIEW else Requirements()
    return Rule(id, (tool,), verdict, f"said by {id}", when=when, requires=requires)


rules = st.lists(
    st.builds(
        rule,
        st.sampled_from([f"r{n}" for n in range(9)]),
        st.sampled_from(["pay", "p*", "*", "look"]),
        st.sampled_from(list(Verdict)),
        st.none() | st.sampled_from(CONDITIONS),
        demands,
    ),
    max_size=6,
    unique_by=lambda made: made.id,
)
books = st.lists(rules, max_size=3).map(
    lambda books: [Document(f"p{n}", "", tuple(book), ()) for n, book in enumerate(books)]
)
actions = st.builds(
    Action,
    tool=st.sampled_from(["pay", "look"]),
    effect=st.sampled_from(list(Effect)),
    delivery=st.just(Delivery.KEY),
    tier=st.integers(1, 4),
    arguments=st.fixed_dictionaries({"n": st.integers(0, 3)}),
    context=st.sampled_from([{}, {"observed": None}, {"observed": {"order": 1}}]),
)
hits = st.builds(
    RuleHit,
    rule=st.sampled_from(["a", "b"]),
    policy=st.sampled_from(["p", "q"]),
    version=st.integers(1, 2),
    digest=st.sampled_from(["", "d"]),
    verdict=st.sampled_from(list(Verdict)),
    message=st.sampled_from(["m", "n"]),
)
judgements = st.builds(
    Judgement,
    st.sampled_from(list(Verdict)),
    demands,
    st.frozensets(hits, max_size=3).map(lambda made: strictest(_of(made), _of(made)).hits),
    st.sampled_from([(), ("e",), ("e", "f")]),
)


def _of(made: frozenset[RuleHit]) -> Judgement:
    return Judgement(Verdict.ALLOW, Requirements(), tuple(made))


def no_looser(new: Requirements, old: Requirements) -> bool:
    """Whether the new ones ask at least what the old ones asked."""
    return requirements.strictest(new, old) == new


@given(action=actions, books=books, data=st.data())
def test_the_order_of_policies_and_of_rules_does_not_matter(
    action: Action, books: list[Document], data: st.DataObject
) -> None:
    shuffled = [
        replace(book, rules=tuple(data.draw(st.permutations(book.rules))))
        for book in data.draw(st.permutations(books))
    ]
    assert judge(action, shuffled) == judge(action, books)


@given(action=actions, books=books, more=rules)
def test_a_further_rule_never_loosens_but_where_none_spoke_before(
    action: Action, books: list[Document], more: list[Rule]
) -> None:
    before = judge(action, books)
    after = judge(action, [*books, Document("more", "", tuple(more), ())])
    spoke = any(hit.policy != BUILT_IN for hit in before.hits)
    if spoke or before.verdict is Verdict.DENY:
        assert WEIGHT[after.verdict] >= WEIGHT[before.verdict]
    if before.verdict is Verdict.REVIEW and spoke:
        assert no_looser(after.requirements, before.requirements)
    assert after.requirements.tier >= action.tier
    assert set(before.errors) <= set(after.errors)


@given(action=actions, books=books)
def test_an_error_always_denies_and_a_verdict_always_has_a_rule_behind_it(
    action: Action, books: list[Document]
) -> None:
    found = judge(action, books)
    assert not found.errors or found.verdict is Verdict.DENY
    assert max(WEIGHT[hit.verdict] for hit in found.hits) == WEIGHT[found.verdict]


@given(action=actions, books=books, chance=st.floats(0, 1, exclude_max=True))
def test_a_stricter_mode_is_never_looser_and_no_mode_lifts_a_denial(
    action: Action, books: list[Document], chance: float
) -> None:
    plain = judge(action, books)
    proposal, sampled, execution = (
        WEIGHT[apply_mode(plain, action, mode, chance).verdict]
        for mode in ("proposal", "sampled", "execution")
    )
    assert proposal >= sampled >= execution
    assert execution == 2 or plain.verdict is not Verdict.DENY
    if action.effect is not Effect.READ:
        assert proposal >= 1


@given(first=judgements, second=judgements, third=judgements)
@settings(max_examples=300)
def test_two_judgements_make_one_in_any_order_and_once_or_twice_alike(
    first: Judgement, second: Judgement, third: Judgement
) -> None:
    assert strictest(first, second) == strictest(second, first)
    assert strictest(strictest(first, second), third) == strictest(first, strictest(second, third))
    assert strictest(first, first) == first
    both = strictest(first, second)
    assert strictest(both, second) == both
    for one in (first, second):
        assert WEIGHT[both.verdict] >= WEIGHT[one.verdict]
        assert both.requirements.tier >= one.requirements.tier
        assert one.verdict is Verdict.ALLOW or no_looser(both.requirements, one.requirements)


@given(first=demands, second=demands, third=demands)
def test_requirements_add_up_in_any_order_and_once_or_twice_alike(
    first: Requirements, second: Requirements, third: Requirements
) -> None:
    join = requirements.strictest
    assert join(first, second) == join(second, first)
    assert join(join(first, second), third) == join(first, join(second, third))
    assert join(first, first) == first
    assert requirements.read(requirements.written(join(first, second))) == join(first, second)
