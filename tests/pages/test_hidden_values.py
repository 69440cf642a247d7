"""A value that a tool or a rule hides is on no page, sheet or answer: neither in words nor in path, headers or body."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from orchestra.engine.questions import UNKNOWN_FORM
from orchestra.models import HumanTask, Person, Proposal, ToolCall
from orchestra.people import tokens
from orchestra.runs import calls
from orchestra.tools import stored, toolbox
from reviews.proposal import facts
from tests import factories
from tests.commands.typed import typed
from tests.decisions.conftest import Scene
from tests.decisions.conftest import scene as scene
from tests.pages.test_review_pages import HOST, signed_in
from tests.tools.files import LEAST, tool

SECRET = "4000-0002"
PAYS = LEAST.replace("Do it.", '"Pay {amount} by {card}"').replace(
    "{type: object}", "{type: object, properties: {card: {type: string}, amount: {type: string}}}"
)
#: By whom it is hidden: what the tool declares, and what the rules ask for.
WAYS = [("redact: [args.card]\n", {}), ("", {"redact": ["args.card"]}), ("redact: [args]\n", {})]


def made_call(scene: Scene, declared: str, state: str) -> ToolCall:
    """A call with the secret in arguments, path, query, headers and body."""
    toolbox.forget()
    version = factories.toolversion(declaration=stored.dump(tool(PAYS + declared)))
    run = factories.run(factories.task(scene.proposal.deployment, requester=scene.requester))
    told: dict[str, Any] = {
        "arguments": {"card": SECRET, "amount": "5"},
        "target": "https://pay.example",
        "path": f"/cards/{SECRET}?card={SECRET}",
        "headers": [["X-Card", SECRET]],
        "body": f'{{"card":"{SECRET}"}}'.encode(),
    }
    return factories.walk(factories.toolcall(factories.step(run), tool_version=version, **told), state)


def asked(scene: Scene, declared: str, requirements: dict[str, Any]) -> Proposal:
    made = made_call(scene, declared, "awaiting_approval")
    return factories.proposal(made, requirements=requirements, sentence="Pay")


def api(person: Person, path: str) -> str:
    """What the API tells this person."""
    every = ["proposals:read", "questions:read"]
    made = tokens.mint(holder=person, name="t", wanted=every, life=timedelta(hours=1), by="test")
    told = Client(headers={**HOST, "Authorization": f"Bearer {made.text}"}).get(f"/api/v1/{path}")
    assert told.status_code == 200, told.content
    return told.content.decode()


@pytest.mark.parametrize(("declared", "requirements"), WAYS)
@pytest.mark.parametrize("part", ["", "print/", "conversation/", "value/?of=%2Fargs%2Fcard"])
def test_no_page_of_a_proposal_shows_it(
    scene: Scene, declared: str, requirements: dict[str, Any], part: str
) -> None:
    proposal = asked(scene, declared, requirements)
    answer = signed_in(scene.reviewer).get(f"/reviews/{proposal.uid}/{part}")
    assert SECRET not in answer.content.decode()


@pytest.mark.parametrize(("declared", "requirements"), WAYS)
def test_sentence_on_the_page_says_that_something_is_not_shown(
    scene: Scene, declared: str, requirements: dict[str, Any]
) -> None:
    proposal = asked(scene, declared, requirements)
    words = "".join(part.text for part in facts.sentence(proposal))
    assert "[redacted]" in words or "(not given)" in words
    text = signed_in(scene.reviewer).get(f"/reviews/{proposal.uid}/").content.decode()
    assert "POST https://pay.example" in text
    assert "(holds what is not shown here)" in text


@pytest.mark.parametrize(("declared", "requirements"), WAYS)
def test_commands_and_the_api_tell_where_it_goes_and_no_more(
    scene: Scene, declared: str, requirements: dict[str, Any]
) -> None:
    proposal = asked(scene, declared, requirements)
    shown = typed("proposal", "show", str(proposal.uid), "--as", "rob").out
    for text in (shown, api(scene.reviewer, f"proposals/{proposal.uid}")):
        assert "POST https://pay.example" in text
        assert SECRET not in text


def doubt(scene: Scene, declared: str, requirements: dict[str, Any]) -> HumanTask:
    """A question to the reviewers whether such a call happened."""
    made = made_call(scene, declared, "awaiting_approval")
    factories.proposal(made, requirements=requirements, state="approved")
    factories.walk(made, "unknown")
    return factories.humantask(
        made.run, kind="unknown", toolcall=made, form=dict(UNKNOWN_FORM), context={"step": "pay"}
    )


@pytest.mark.parametrize(("declared", "requirements"), WAYS)
def test_page_of_a_call_in_doubt_shows_where_it_went_without_its_path(
    scene: Scene, declared: str, requirements: dict[str, Any]
) -> None:
    question = doubt(scene, declared, requirements)
    text = signed_in(scene.reviewer).get(f"/reviews/questions/{question.uid}/").content.decode()
    assert "POST https://pay.example" in text
    assert SECRET not in text


def test_what_a_model_wrote_for_a_tool_that_hides_arguments_is_hidden_though_it_was_no_call(
    scene: Scene,
) -> None:
    version = factories.toolversion(declaration=stored.dump(tool(PAYS + "redact: [args.card]\n")))
    run = factories.run(factories.task(scene.proposal.deployment, requester=scene.requester))
    refused = factories.toolcall(
        factories.step(run),
        state="refused",
        tool_version=version,
        raw=SECRET.encode(),
        body=None,
        digest=None,
    )
    [shown] = calls.calls(refused.run).rows
    assert shown.request == "(holds what is not shown here)"
