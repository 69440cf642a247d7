"""A toolbox holds the tools of an environment as they are at this moment, and says who may use them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from orchestra.engine import publish
from orchestra.errors import Invalid, NotFound
from orchestra.models import Agent, Environment, Grant, Person, Tool, ToolBinding
from orchestra.tools import toolbox
from tests import factories
from tests.databases import Database
from tests.tools.files import LEAST, READ, file

BINDING = """\
kind: binding
name: shop
spec:
  tools: [shop.*]
  base_url: http://10.0.0.7:8100/{world}
  labels: [world]
  secret: env:SHOP_TOKEN
  allow: ["10.0.0.7:8100"]
  at_once: 4
"""
AGENT = "kind: agent\nname: helper\nspec: {adapter: scripted, model: m, grants: [shop.read]}\n"
TOOLS = f"{file(LEAST, name='shop.write')}---\n{file(READ, name='shop.read')}"
FILE = f"{TOOLS}---\n{BINDING}---\n{AGENT}"


@pytest.fixture
def place(database: Database) -> Iterator[int]:
    toolbox.forget()
    publish.text(FILE, by=factories.person("ann"), environment="dev")
    yield Environment.objects.get(name="dev").pk
    toolbox.forget()


def test_a_tool_has_all_that_is_needed_to_use_it(place: int) -> None:
    found = toolbox.load(place).tools["shop.write"]
    assert (found.base_url, found.at_once) == ("http://10.0.0.7:8100/{world}", 4)
    assert (found.secret_reference, found.secret_header, found.secret_prefix) == (
        "env:SHOP_TOKEN",
        "Authorization",
        "Bearer ",
    )
    assert (found.allow, found.labels) == (frozenset({"10.0.0.7:8100"}), ("world",))
    row = ToolBinding.objects.select_related("version").get(tool__name="shop.write")
    assert (found.binding_id, found.version_id, found.version_number) == (row.pk, row.version.pk, 1)
    assert found.version_digest == bytes(row.version.digest)
    assert found.declaration.sentence == "Do it."


def test_labels_of_the_task_give_the_address(place: int) -> None:
    found = toolbox.load(place).tools["shop.read"]
    assert str(toolbox.address(found, {"world": "w7"})) == "http://10.0.0.7:8100/w7"
    with pytest.raises(Invalid, match="needs the label 'world'"):
        toolbox.address(found, {})


def test_nothing_is_read_anew_while_nothing_changed(place: int) -> None:
    first = toolbox.load(place)
    with CaptureQueriesContext(connection) as asked:
        assert toolbox.load(place) is first
    assert len(asked) == 1


@pytest.mark.parametrize("change", [{"base_url": "https://new.example.org"}, {"at_once": 9}])
def test_a_changed_binding_is_seen_by_the_next_load(place: int, change: dict[str, object]) -> None:
    toolbox.load(place)
    ToolBinding.objects.filter(tool__name="shop.read").update(**change)
    found = toolbox.load(place).tools["shop.read"]
    assert {name: getattr(found, name) for name in change} == change


def test_a_change_in_the_same_transaction_is_seen_and_a_rolled_back_one_is_not(place: int) -> None:
    with transaction.atomic():
        for number in (5, 6, 7):
            ToolBinding.objects.filter(tool__name="shop.read").update(at_once=number)
            assert toolbox.load(place).tools["shop.read"].at_once == number
        transaction.set_rollback(True)
    assert toolbox.load(place).tools["shop.read"].at_once == 4


def test_a_change_by_another_process_is_seen(place: int, database: Database) -> None:
    toolbox.load(place)
    database.connect().execute("UPDATE orchestra_toolbinding SET at_once = 1")
    assert toolbox.load(place).tools["shop.read"].at_once == 1


def test_a_tool_taken_out_is_gone_and_a_renamed_one_has_its_new_name(place: int) -> None:
    toolbox.load(place)
    ToolBinding.objects.filter(tool__name="shop.write").update(active=False)
    assert set(toolbox.load(place).tools) == {"shop.read"}
    Tool.objects.filter(name="shop.read").update(name="shop.look")
    assert set(toolbox.load(place).tools) == {"shop.look"}


def test_a_new_version_is_seen(place: int) -> None:
    toolbox.load(place)
    text = file(LEAST + "timeout: 5s\n", name="shop.write")
    publish.text(text, by=Person.objects.get(name="ann"), environment="dev")
    found = toolbox.load(place).tools["shop.write"]
    assert (found.version_number, found.declaration.timeout) == (2, 5)


def test_another_environment_has_other_tools(place: int) -> None:
    other = factories.environment("prod")
    assert toolbox.load(other.pk).tools == {}
    assert len(toolbox.load(place).tools) == 2


def test_only_readings_are_given_out_without_the_gate(place: int) -> None:
    found = toolbox.load(place)
    assert found.reading("shop.read").name == "shop.read"
    with pytest.raises(Invalid, match="without passing the gate"):
        found.reading("shop.write")
    with pytest.raises(NotFound, match="No tool nobody is bound"):
        found.reading("nobody")
    assert found.get("nobody") is None


def test_what_an_agent_is_granted_ends_with_the_grant(place: int) -> None:
    agent = Agent.objects.get(name="helper")
    assert toolbox.granted(agent.pk, place) == {"shop.read"}
    Grant.objects.update(expires_at=factories.now(3600))
    assert toolbox.granted(agent.pk, place) == {"shop.read"}
    Grant.objects.update(expires_at=factories.now(-1))
    assert toolbox.granted(agent.pk, place) == frozenset()
    assert toolbox.granted(agent.pk, place + 1) == frozenset()
