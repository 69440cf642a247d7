"""What ends a line on pages: a line feed, and none of the characters that pages show as a space, or not at all."""

from __future__ import annotations

import pytest

from orchestra import unseen
from orchestra.canonical import Json
from orchestra.runs import masks
from orchestra.views import readable
from tests import factories
from tests.databases import Database
from tests.pages.test_questions_form import Desk, browser, version
from tests.pages.test_questions_form import desk as desk
from tests.pages.test_questions_trouble import FAILED, escalated, page

HIDDEN = ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]


def named(char: str) -> str:
    return f"⟨U+{ord(char):04X}⟩"


@pytest.mark.parametrize("char", HIDDEN)
def test_unseen_line_ends_are_named_in_values(char: str) -> None:
    assert unseen.lines(f"a{char}b\r\nc\n") == [f"a{named(char)}b", "c", ""]
    assert readable.entry("", f"a{char}b").text == f"a{named(char)}b"
    deep: Json = {"a": {"b": {"c": {"d": {"e": f"a{char}b"}}}}}
    told = repr(readable.entries(deep))
    assert char not in told
    assert named(char) in told or char < " "  # JSON writes control characters as escapes


def test_unseen_line_ends_are_named_in_requests_and_replies(database: Database) -> None:
    sent = "".join(f"a{char}" for char in HIDDEN)
    call = factories.toolcall(body=f"{sent}\r\nnext".encode())
    *_, first, second = masks.request(call)
    assert (first, second) == ("".join(f"a{named(char)}" for char in HIDDEN) + "⟨U+000D⟩", "next")
    assert masks.reply(call, sent.encode()) == "".join(f"a{named(char)}" for char in HIDDEN)


def test_unseen_line_ends_are_named_in_failures_of_questions(desk: Desk) -> None:
    question = escalated(desk, context={**FAILED, "error": "gone\u2028for ever\x0c"})
    assert "gone⟨U+2028⟩for ever⟨U+000C⟩" in page(question, desk.operator)


def test_title_in_what_is_said_of_an_answer_hides_nothing(desk: Desk) -> None:
    question = escalated(desk, title="look\u202e failed")
    client, path = browser(desk.operator), f"/reviews/questions/{question.uid}/"
    sent = {"version": version(client.get(path).content.decode()), "f/action": "retry", "f/note": "so be it"}
    told = client.post(path, sent, follow=True).content.decode()
    assert "Answered: look⟨U+202E⟩ failed" in told
