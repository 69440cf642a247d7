"""A tool file is read with its defaults, and everything wrong with it is said in its line."""

from __future__ import annotations

import pytest

from orchestra.contracts import Delivery, Effect, Outcome
from orchestra.errors import Invalid
from orchestra.tools import parse
from orchestra.tools.declarations import offered
from tests.tools.files import CANCEL, LEAST, READ, file, tool, wrong


def test_an_undeclared_tool_is_destructive_and_opaque_and_of_the_highest_tier() -> None:
    found = tool(LEAST)
    assert (found.effect, found.delivery, found.tier) == (Effect.DESTRUCTIVE, Delivery.OPAQUE, 4)
    assert found.writes


def test_everything_that_a_file_says_is_in_the_declaration() -> None:
    found = tool(CANCEL + "timeout: 10s\nquiet: 1m\nhands_off: true\nredact: [args.note]\n")
    assert (found.key_header, found.key_life) == ("Idempotency-Key", 86_400)
    assert (found.timeout, found.quiet_period, found.tier) == (10, 60, 3)
    assert found.replies == {"409": Outcome.FAILED, "429": Outcome.FAILED_CLEAN}
    assert found.lookup is not None
    assert (found.lookup.method, found.lookup.found, found.lookup.absent) == ("GET", (200,), (404,))
    assert (found.observe[0].name, found.observe[0].tool) == ("order", "orders.read")
    assert (found.hands_off, found.redact, found.object) == (True, ("args.note",), "{{ args.order_id }}")


def test_a_reading_tool_needs_neither_sentence_nor_key_and_may_be_repeated() -> None:
    found = tool(READ)
    assert (found.effect, found.delivery, found.tier, found.writes) == (
        Effect.READ,
        Delivery.IDEMPOTENT,
        1,
        False,
    )


def test_a_quiet_period_is_never_shorter_than_the_timeout_it_follows() -> None:
    found = tool(LEAST + "timeout: 2m\n")
    assert found.quiet_period > found.timeout == 120


@pytest.mark.parametrize(
    ("effect", "delivery", "tier"),
    [
        ("write", "idempotent", 2),
        ("write", "opaque", 3),
        ("destructive", "idempotent", 3),
        ("destructive", "opaque", 4),
    ],
)
def test_the_tier_rises_with_the_effect_and_with_what_nobody_can_know(
    effect: str, delivery: str, tier: int
) -> None:
    assert tool(f"{LEAST}effect: {effect}\ndelivery: {delivery}\n").tier == tier


def test_a_model_is_told_name_description_and_arguments_and_nothing_else() -> None:
    told = offered(tool(CANCEL))
    assert told["function"].keys() == {"name", "description", "parameters"}
    assert told["type"] == "function"


def test_tools_of_one_file_may_name_each_other_in_any_order() -> None:
    text = file(CANCEL, name="orders.cancel") + "---\n" + file(READ, name="orders.read")
    assert [found.name for found in parse.parse(text)] == ["orders.cancel", "orders.read"]


def test_a_tool_that_names_no_tool_of_its_file_is_refused() -> None:
    with pytest.raises(Invalid, match=r"there is no tool 'orders\.read'"):
        parse.parse(file(CANCEL))


WRONG = [
    ("effect: reed\n" + LEAST, "1: 'reed' is not one of read, write, destructive (did you mean 'read'?)"),
    (LEAST + "delivery: transactional\n", "5: transactional is for what happens in Orchestra's own database"),
    (LEAST + "delivery: key\n", "5: delivery key needs `key`"),
    (LEAST + "delivery: probe\n", "5: delivery probe needs `lookup`"),
    (LEAST + "key: {header: X-Key, life: 1h}\n", "5: only delivery key takes an idempotency key"),
    (LEAST + "lookup: {path: '/x/{key}'}\n", "5: nothing sends the key that this asks for"),
    (LEAST + "delivery: key\nkey: {header: X, life: 1h}\nlookup: {path: /x}\n", "7: the path needs the gap {key}"),
    (LEAST + "delivery: key\nkey: {header: X, life: 1h}\nlookup: {path: '/{key}', absent: [200]}\n", "7: a status cannot say both"),
    (LEAST + "delivery: key\nkey: {header: X, life: 1s}\n", "6: a key must live longer than one request"),
    (LEAST + "delivery: key\nkey: {header: Host, life: 1h}\n", "6: this header is written by Orchestra"),
    (LEAST + "tier: 3\n", "5: a tool that is destructive and opaque has tier 4 at least; a tier is only raised"),
    (LEAST + "timeout: 1h\n", "5: a request takes ten minutes at most"),
    (LEAST + "quiet: 1s\n", "5: the quiet period is at least as long as the timeout"),
    (LEAST + "timeout: 5\n", "5: 5 should be text"),
    (LEAST.replace("sentence: Do it.\n", ""), "sentence is missing: what a reviewer reads before this is done"),
    (LEAST.replace("Do it.", "Do {what}."), "2: there is no argument 'what'"),
    (LEAST.replace("Do it.", "Do {."), "2: 'Do {.' holds a brace that is no gap"),
    (LEAST.replace("POST", "GET"), "4: GET is repeated by others at will"),
    (LEAST.replace("/do", "'/do/{id}'"), "4: there is no argument 'id'"),
    (LEAST.replace("/do", "/a/../b"), "4: a path has no parts . and .."),
    (LEAST.replace("/do", "do"), "4: 'do' is not allowed here (a path begins with /"),
    (LEAST.replace("{type: object}", "{type: array}"), "3: arguments are an object"),
    (LEAST.replace("{type: object}", "{type: object, properties: {x: {type: strin}}}"), "3: "),
    (LEAST.replace("path: /do", "path: /do, headers: {Authorization: x}"), "4: this header is written by Orchestra"),
    (LEAST.replace("path: /do", "path: /do, headers: {X: a, x: b}"), "4: this header is here twice"),
    (LEAST.replace("path: /do", 'path: /do, body: "{{ arg.x }}"'), "4: `{{ arg.x }}`: arg is not known here (did you mean 'args'?)"),
    (LEAST.replace("path: /do", 'path: /do, body: "{{ args.x }}"'), "4: `{{ args.x }}`: there is no argument 'x'"),
    (LEAST.replace("path: /do", 'path: /do, body: "to {{ args }}"'), "4: "),
    (LEAST + "replies: {'600': failed}\n", "5: '600' cannot be a status"),
    (LEAST + "replies: {4xx: no}\n", "5: 'no' is not one of succeeded, failed, failed_clean, unknown"),
    (LEAST + "redact: [reply.x]\n", "5: 'reply.x' is not allowed here (a path begins with args"),
    (LEAST + "object: '{{ item }}'\n", "5: `{{ item }}`: item is not known here"),
    (LEAST + "observe: [{name: o, tool: orders.cancel, with: {}}]\n", "5: orders.cancel does not only read"),
    (LEAST + "observe: [{name: o, tool: orders.reed, with: {}}]\n", "5: there is no tool 'orders.reed' (did you mean 'orders.read'?)"),
    (LEAST + "observe:\n- {name: o, tool: orders.read, with: {}}\n- {name: o, tool: orders.read, with: {}}\n", "7: 'o' is observed twice"),
    (LEAST + "observe: [{name: o, tool: orders.read, with: '{{ observed.o }}'}]\n", "5: `{{ observed.o }}`: observed.o is not known here"),
    (LEAST + "observe: [{name: o, tool: orders.read, with: '{{ item.x }}'}]\n", "5: `{{ item.x }}`: item is not known here"),
    (LEAST + "observe: [{name: o, tool: orders.read, with: {}, by: '{{ args }}'}]\n", "5: by goes with each"),
    (LEAST + "preview: {tool: t, with: {}}\n", "5: t does not only read"),
    (LEAST + "reverse: {tool: nobody, with: {}}\n", "5: there is no tool 'nobody'"),
    (LEAST + "reverse: {tool: t, with: '{{ preview }}'}\n", "5: `{{ preview }}`: preview is not known here"),
    (READ + "key: {header: X, life: 1h}\n", "5: a reading tool needs no key"),
    (READ + "replies: {'503': failed_clean}\n", "5: a reading either succeeded or failed"),
    (READ.replace("required: [id], ", ""), "4: the argument 'id' may be missing; make it required"),
    (READ.replace(', query: {deep: "{{ args.deep }}"}', ""), "3: the argument 'deep' is sent nowhere"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "says"), WRONG)
def test_what_is_wrong_is_said_in_its_line(spec: str, says: str) -> None:
    found = wrong(spec)
    assert any(said.startswith(says) or says in said for said in found), found


def test_all_problems_are_told_at_once() -> None:
    found = wrong(LEAST + "tier: 1\ntimeout: 1h\nobject: '{{ x }}'\n")
    assert [said.partition(":")[0] for said in found] == ["5", "6", "7"]
