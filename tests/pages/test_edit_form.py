"""Edit, then approve: the form of the tool's schema, the difference before anything is sent, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from orchestra.engine import history, publish
from orchestra.models import Edit, Proposal, ToolVersion, User
from orchestra.tools import toolbox
from tests import factories
from tests.decisions.conftest import Scene, member
from tests.decisions.conftest import scene as scene
from tests.pages.test_review_pages import signed_in, state
from tests.tools.files import file

MOVE = """
description: Changes the address of an order.
sentence: "Send order {order_id} to {city}"
arguments:
  type: object
  additionalProperties: false
  required: [order_id, city]
  properties:
    order_id: {type: string, minLength: 2}
    city: {type: string, minLength: 2}
    copies: {type: integer, minimum: 1}
request: {method: POST, path: /move}
"""
ARGUMENTS = {"order_id": "#W1", "city": "Köln", "copies": 1}


@pytest.fixture
def proposal(scene: Scene) -> Iterator[Proposal]:
    """A call of a tool with a schema that waits for people."""
    toolbox.forget()
    publish.text(file(MOVE, name="move"), by=member("ada", "admins"), environment="dev")
    yield made(scene)
    toolbox.forget()


def made(scene: Scene, revision: int = 0, **columns: Any) -> Proposal:
    run = factories.run(factories.task(scene.proposal.deployment, requester=scene.requester))
    version = ToolVersion.objects.get(tool__name="move")
    call = factories.toolcall(
        factories.step(run),
        tool_name="move",
        tool_version=version,
        arguments=dict(ARGUMENTS),
        revision=revision,
    )
    return factories.proposal(factories.walk(call, "awaiting_approval"), **columns)


def sent(proposal: Proposal, **changes: str) -> dict[str, str]:
    """What the form sends, with changes of its fields by name."""
    typed = {"order_id": "#W1", "city": "Köln", "copies": "1"} | {
        name: value for name, value in changes.items() if name in ARGUMENTS
    }
    rest = {name: value for name, value in changes.items() if name not in ARGUMENTS}
    told = {"digest": bytes(proposal.digest).hex(), "reason": "it has moved", "token": "t1"}
    return {**{f"f/{name}": value for name, value in typed.items()}, **told, **rest}


def post(client: Client, proposal: Proposal, **changes: str) -> tuple[int, str]:
    answer = client.post(f"/reviews/{proposal.uid}/edit/", sent(proposal, **changes))
    return answer.status_code, " ".join(answer.content.decode().split())


def seen(text: str) -> str:
    """What the page that shows the difference sends back."""
    return text.partition('name="seen" value="')[2][:64]


def test_form_begins_with_what_the_agent_wants(scene: Scene, proposal: Proposal) -> None:
    client = signed_in(scene.reviewer)
    assert f'href="/reviews/{proposal.uid}/edit/' in client.get(f"/reviews/{proposal.uid}/").content.decode()
    text = client.get(f"/reviews/{proposal.uid}/edit/").content.decode()
    for shown in ('name="f/city"', 'value="Köln"', 'name="f/copies"', "Show what changes"):
        assert shown in text
    assert "Send it and approve" not in text


def test_difference_is_shown_before_anything_is_sent(scene: Scene, proposal: Proposal) -> None:
    client = signed_in(scene.reviewer)
    status, text = post(client, proposal, city="Bonn")
    assert (status, state(proposal), Edit.objects.count()) == (200, "pending", 0)
    for shown in ("<mark>Köln</mark>", "<mark>Bonn</mark>", "Send it and approve", "2 values as before"):
        assert shown in text
    status, text = post(client, proposal, city="Bonn", seen=seen(text))
    assert (status, state(proposal)) == (302, "superseded")
    edit = Edit.objects.get(proposal=proposal)
    assert (edit.person, edit.reason) == (scene.reviewer, "it has moved")
    assert edit.arguments == {"order_id": "#W1", "city": "Bonn", "copies": 1}


def test_what_is_changed_after_the_difference_was_shown_is_shown_anew(
    scene: Scene, proposal: Proposal
) -> None:
    client = signed_in(scene.reviewer)
    _, text = post(client, proposal, city="Bonn")
    status, text = post(client, proposal, city="Berlin", seen=seen(text))
    assert (status, state(proposal), "<mark>Berlin</mark>" in text) == (200, "pending", True)


def test_wrong_values_come_back_at_their_fields_with_what_was_typed(scene: Scene, proposal: Proposal) -> None:
    status, text = post(signed_in(scene.reviewer), proposal, city="B", copies="many")
    assert (status, state(proposal)) == (422, "pending")
    assert 'value="B"' in text
    assert 'value="many"' in text
    assert text.count('aria-invalid="true"') == 2
    assert "it has moved" in text


def test_nothing_changed_is_told(scene: Scene, proposal: Proposal) -> None:
    status, text = post(signed_in(scene.reviewer), proposal)
    assert (status, "Nothing is changed yet" in text) == (422, True)


def test_reason_that_is_needed_is_asked_for_beside_the_difference(scene: Scene, proposal: Proposal) -> None:
    high, client = made(scene, tier=3), signed_in(scene.reviewer)
    _, text = post(client, high, city="Bonn")
    status, text = post(client, high, city="Bonn", seen=seen(text), reason="")
    assert (status, state(high)) == (422, "pending")
    assert '<span id="reason-error" class="error">Say why' in text
    assert "/reason" not in text
    assert "<mark>Bonn</mark>" in text


def test_call_that_was_changed_too_often_says_so(scene: Scene, proposal: Proposal) -> None:
    often, client = made(scene, revision=history.MOST_REVISIONS), signed_in(scene.reviewer)
    _, text = post(client, often, city="Bonn")
    status, text = post(client, often, city="Bonn", seen=seen(text))
    assert (status, "This was changed too often already" in text) == (422, True)


def test_difference_of_long_values_is_shown_whole(scene: Scene, proposal: Proposal) -> None:
    _, text = post(signed_in(scene.reviewer), proposal, city=f"{'x ' * 2_000}needle")
    assert "Show all" not in text
    assert "needle" in text.partition("What you change")[2].partition("<textarea")[0]


def test_enter_in_a_field_presses_no_button_that_does_anything(scene: Scene, proposal: Proposal) -> None:
    _, text = post(signed_in(scene.reviewer), proposal, city="Bonn")
    form = text[text.index('data-keep="edit-') :]
    assert form.index('<button type="submit" disabled hidden>') < form.index("Send it and approve")


def test_second_click_is_no_second_edit(scene: Scene, proposal: Proposal) -> None:
    client = signed_in(scene.reviewer)
    _, text = post(client, proposal, city="Bonn")
    answers = [post(client, proposal, city="Bonn", seen=seen(text))[0] for _ in range(2)]
    assert (answers, Edit.objects.count()) == ([302, 302], 1)


def test_edit_that_comes_too_late_tells_who_decided_and_keeps_the_reason(
    scene: Scene, proposal: Proposal
) -> None:
    client = signed_in(scene.reviewer)
    _, text = post(client, proposal, city="Bonn")
    other = {"digest": bytes(proposal.digest).hex(), "reason": "no"}
    signed_in(scene.second_reviewer).post(f"/reviews/{proposal.uid}/reject/", other)
    status, text = post(client, proposal, city="Bonn", seen=seen(text))
    assert status == 409
    assert "sue rejected it" in text
    assert "City: Bonn" in text
    assert "it has moved" in text
    assert client.get(f"/reviews/{proposal.uid}/edit/").status_code == 302


def test_edit_by_who_may_only_look_by_now_is_refused_with_what_was_typed(
    scene: Scene, proposal: Proposal
) -> None:
    client = signed_in(scene.reviewer)
    User.objects.get(person=scene.reviewer).groups.set([Group.objects.get(name="auditors")])
    status, text = post(client, proposal, city="Bonn")
    assert (status, "City: Bonn" in text, state(proposal)) == (403, True, "pending")


def test_who_may_not_decide_may_not_edit(scene: Scene, proposal: Proposal) -> None:
    client = signed_in(scene.requester)
    assert client.get(f"/reviews/{proposal.uid}/edit/").status_code == 403
    assert post(client, proposal, city="Bonn")[0] == 403
    assert Edit.objects.count() == 0


def test_call_of_no_known_tool_and_hidden_values_are_not_edited(scene: Scene, proposal: Proposal) -> None:
    client = signed_in(scene.reviewer)
    assert client.get(f"/reviews/{scene.proposal.uid}/edit/").status_code == 403
    hidden = made(scene, requirements={"redact": ["args.city"]})
    answer = client.get(f"/reviews/{hidden.uid}/edit/")
    assert (answer.status_code, "Köln" in answer.content.decode()) == (403, False)


def test_edit_of_what_asks_for_a_fresh_sign_in_lets_nothing_pass(scene: Scene, proposal: Proposal) -> None:
    careful, client = made(scene, requirements={"step_up": True}), signed_in(scene.reviewer)
    _, text = post(client, careful, city="Bonn")
    assert post(client, careful, city="Bonn", seen=seen(text))[0] == 302
    assert (state(careful), "step_up" in Edit.objects.get(proposal=careful).authentication) == (
        "superseded",
        False,
    )
