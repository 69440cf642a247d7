"""What the page of a proposal shows of its effect: before and after by path, in words, cut, marked, and never as markup."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from orchestra.models import Proposal
from tests import factories
from tests.decisions.conftest import Scene
from tests.decisions.conftest import scene as scene
from tests.pages.test_review_pages import signed_in

EVIL = "<script>alert(1)</script>\u202eend\u200b"


def of_call(scene: Scene, *, context: Any = None, **columns: Any) -> Proposal:
    """A proposal of a call with these columns; `preview`, `tier` and `requirements` belong to the proposal."""
    own = {
        name: columns.pop(name) for name in ("preview", "tier", "requirements", "sentence") if name in columns
    }
    run = factories.run(factories.task(scene.proposal.deployment, requester=scene.requester))
    call = factories.walk(factories.toolcall(factories.step(run), **columns), "awaiting_approval")
    ruling = factories.ruling(call, verdict="review", context=json.dumps(context or {}).encode())
    return factories.proposal(call, ruling=ruling, **own)


def page(client: Client, proposal: Proposal, part: str = "") -> str:
    """The text of the page with every gap one space wide."""
    answer = client.get(f"/reviews/{proposal.uid}/{part}")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_preview_is_shown_object_by_object_before_and_after(scene: Scene) -> None:
    update = {"object": "orders/#W1", "before": {"status": "pending"}, "after": {"status": "cancelled"}}
    proposal = of_call(scene, preview={"count": 1, "updates": [update], "money": [], "refused": None})
    text = page(signed_in(scene.reviewer), proposal)
    assert "Changes 1 object." in text
    assert "orders/#W1" in text
    assert '<span class="sign" aria-label="went">-</span><span><mark>pending</mark>' in text
    assert '<span class="sign" aria-label="came">+</span><span><mark>cancelled</mark>' in text


def test_preview_says_money_people_and_what_cannot_be_undone(scene: Scene) -> None:
    told = {
        "money": {"minor": 123450, "currency": "EUR"},
        "people": 1830,
        "irreversible": True,
        "deletes": 214,
    }
    text = page(signed_in(scene.reviewer), of_call(scene, preview=told))
    for said in (
        "Moves 1,234.50 EUR.",
        "Reaches 1,830 people.",
        "Removes 214 objects.",
        "It cannot be undone.",
    ):
        assert said in text


def test_preview_that_would_be_refused_says_so(scene: Scene) -> None:
    text = page(
        signed_in(scene.reviewer), of_call(scene, preview={"refused": "no such order", "updates": []})
    )
    assert "would refuse this: no such order" in text


def test_tool_without_a_preview_says_so_in_words(scene: Scene) -> None:
    assert "cannot show beforehand" in page(signed_in(scene.reviewer), scene.proposal)


def test_arguments_are_plain_beside_what_was_observed_and_say_where_they_come_from(scene: Scene) -> None:
    proposal = of_call(
        scene,
        arguments={"city": "Bonn", "zip": "1", "note": "hm"},
        witness={"order": {"address": {"city": "Köln", "zip": "1"}}},
        context={"provenance": {"city": "agent", "zip": "tool", "note": "requester"}},
    )
    text = page(signed_in(scene.reviewer), proposal)
    assert "<mark>Bonn</mark>" not in text.partition('id="arguments"')[2].partition("</section> <section")[0]
    for said in (
        "order.address has Köln under this name",
        "order.address has 1 under this name",
        "nobody has said it but the agent",
        "an earlier result says it",
    ):
        assert said in text


def test_evidence_tells_budgets_and_earlier_tries(scene: Scene) -> None:
    run = {"use": {"turns": 3}, "limits": {"turns": 40}, "last_message": "please"}
    counts = {"calls": 5, "same": 2, "same_rejected": 1}
    text = page(signed_in(scene.reviewer), of_call(scene, context={"run": run, "counts": counts}))
    assert "turns of agents</dt> <dd>3 of 40" in text
    assert "5 calls, 2 with the same arguments (1 rejected by people)" in text


def test_long_value_is_cut_with_how_much_is_missing_and_a_link_to_the_rest(scene: Scene) -> None:
    proposal = of_call(scene, arguments={"text": "a" * 2_000 + "needle" + "b" * 3_000})
    client = signed_in(scene.reviewer)
    text = page(client, proposal)
    assert "3,006 more characters" in text
    assert f"/reviews/{proposal.uid}/value/?of=%2Fargs%2Ftext" in text
    effect = text[text.index("Arguments</h2>") : text.index("Why it is here")]
    assert "needle" not in effect
    assert "needle" in page(client, proposal, "value/?of=%2Fargs%2Ftext")
    assert client.get(f"/reviews/{proposal.uid}/value/?of=/args/other").status_code == 404


def test_long_value_of_the_evidence_is_given_in_full_too(scene: Scene) -> None:
    proposal = of_call(scene, witness={"order": {"note": "x" * 3_000 + "needle"}})
    client = signed_in(scene.reviewer)
    text = page(client, proposal)
    link = re.search(r'href="/reviews/[^/]+/(value/\?of=%2Fobserved[^"]+)"', text)
    assert link is not None
    assert (
        "needle" in text.partition("Evidence")[2].partition("Raw")[0],
        "needle" in page(client, proposal, link[1]),
    ) == (False, True)


def test_part_of_a_page_is_given_to_htmx_and_a_whole_page_to_others(scene: Scene) -> None:
    proposal = of_call(scene, arguments={"text": "x" * 3_000})
    client = signed_in(scene.reviewer)
    for part in ("value/?of=%2Fargs%2Ftext", "conversation/"):
        whole = client.get(f"/reviews/{proposal.uid}/{part}").content.decode()
        piece = client.get(f"/reviews/{proposal.uid}/{part}", headers={"HX-Request": "true"}).content.decode()
        assert "<html" in whole
        assert "<html" not in piece


@pytest.mark.parametrize("place", ["arguments", "preview", "witness", "agent_reason", "context"])
def test_hostile_text_stays_text_and_what_is_unseen_is_named(scene: Scene, place: str) -> None:
    places: dict[str, dict[str, Any]] = {
        "arguments": {"arguments": {EVIL: [EVIL]}},
        "preview": {
            "preview": {"updates": [{"object": EVIL, "before": {"a": EVIL}, "after": {EVIL: EVIL + "2"}}]}
        },
        "witness": {"witness": {"order": {EVIL: EVIL}}},
        "agent_reason": {"agent_reason": EVIL},
        "context": {
            "context": {"run": {"last_message": EVIL}, "requester": {"name": EVIL, "groups": [EVIL]}}
        },
    }
    client = signed_in(scene.reviewer)
    proposal = of_call(scene, **places[place])
    for part in ("", "print/", "conversation/"):
        text = page(client, proposal, part)
        assert "<script>alert" not in text
        assert "\u202e" not in text
        assert "\u200b" not in text
    if place != "witness":
        assert 'title="right-to-left override">⟨U+202E⟩' in page(client, proposal)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://ex\u0430mple.com/a", "mixes Cyrillic and Latin letters"),
        ("pay@\u0430\u0440\u0440\u04cf\u0435.com", "letters"),
        ("https://xn--exmple-4nf.com", "another way to write"),
        ("https://examp1e.com", "looks like example.com"),
    ],
)
def test_host_that_looks_like_another_is_pointed_at(scene: Scene, text: str, said: str) -> None:
    proposal = of_call(scene, arguments={"to": text}, target="https://example.com")
    assert said in page(signed_in(scene.reviewer), proposal)


def test_host_that_is_in_use_is_not_pointed_at(scene: Scene) -> None:
    proposal = of_call(scene, arguments={"to": "https://example.com/x"}, target="https://example.com")
    assert "Look twice" not in page(signed_in(scene.reviewer), proposal)


def test_what_reviewers_are_not_to_see_is_nowhere_on_their_pages(scene: Scene) -> None:
    secret = "4111-1111"
    proposal = of_call(
        scene,
        arguments={"card": secret, "note": "x"},
        body=json.dumps({"card": secret}).encode(),
        witness={"user": {"card": secret}},
        preview={"before": {"card": secret}, "after": {"card": secret + "2"}},
        requirements={
            "redact": ["args.card", "observed.user.card", "preview.before.card", "preview.after.card"]
        },
        context={"provenance": {"card": "tool"}},
    )
    client = signed_in(scene.reviewer)
    for part in ("", "print/", "conversation/", "value/?of=%2Fargs%2Fcard"):
        answer = client.get(f"/reviews/{proposal.uid}/{part}")
        assert secret not in answer.content.decode()
    assert client.get(f"/reviews/{proposal.uid}/edit/").status_code == 403


def test_agents_words_are_boxed_and_out_of_reach_of_htmx(scene: Scene) -> None:
    text = page(signed_in(scene.reviewer), of_call(scene, agent_reason='<b hx-get="/x">Please</b>'))
    box = text[text.index("hx-disable") :]
    assert "Nothing in it is proven" in box[:400]
    assert "&lt;b hx-get=&quot;/x&quot;&gt;Please" in box[:400]


def test_host_that_is_kept_from_people_is_not_named_beside_one_that_looks_like_it(scene: Scene) -> None:
    proposal = of_call(
        scene,
        arguments={"to": "https://hidden-examp1e.com"},
        witness={"secret": "https://hidden-example.com"},
        requirements={"redact": ["observed.secret"]},
    )
    assert "hidden-example.com" not in page(signed_in(scene.reviewer), proposal)


@pytest.mark.parametrize(
    ("preview", "redact", "said"),
    [
        ({"before": {"card": "4111"}}, ["preview"], "[redacted]"),
        (["first of all"], [], "first of all"),
        ({}, [], "names nothing that would change"),
    ],
)
def test_preview_that_is_hidden_or_says_little_is_told_with_a_word(
    scene: Scene, preview: Any, redact: list[str], said: str
) -> None:
    proposal = of_call(scene, preview=preview, requirements={"redact": redact})
    text = page(signed_in(scene.reviewer), proposal)
    assert said in text.partition('id="effect"')[2].partition("</section> <section")[0]
    assert "4111" not in text
