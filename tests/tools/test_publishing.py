"""Tools, bindings and agents are published from files: all of a file or nothing, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestra.agents import identities
from orchestra.engine import publish
from orchestra.errors import Invalid
from orchestra.models import (
    Agent,
    AgentVersion,
    Environment,
    Grant,
    Person,
    Tool,
    ToolBinding,
    ToolVersion,
    Workflow,
)
from orchestra.tools import toolbox
from tests import factories
from tests.databases import Database
from tests.tools.files import LEAST, READ, STORE, file

WRITES = file(LEAST, name="shop.write")
READS = file(READ, name="shop.read")
BINDING = "kind: binding\nname: shop\nspec:\n  tools: [shop.*]\n  base_url: https://shop.example.org\n"
AGENT = "kind: agent\nname: helper\nspec: {adapter: scripted, model: m, grants: [shop.read]}\n"
ALL = f"{AGENT}---\n{BINDING}---\n{WRITES}---\n{READS}"


@pytest.fixture
def ann(database: Database) -> Iterator[Person]:
    toolbox.forget()
    yield factories.person("ann")
    toolbox.forget()


def published(source: str, by: Person, environment: str = "dev") -> list[tuple[str, str, int, bool]]:
    found = publish.text(source, by=by, environment=environment)
    return [(made.kind, made.name, made.number, made.new) for made in found]


def test_a_file_is_published_whatever_the_order_of_its_documents(ann: Person) -> None:
    assert published(ALL, ann) == [
        ("agent", "helper", 1, True),
        ("binding", "shop", 0, True),
        ("tool", "shop.write", 1, True),
        ("tool", "shop.read", 1, True),
    ]
    version = ToolVersion.objects.get(tool__name="shop.read")
    assert (version.effect, version.delivery, version.author) == ("read", "idempotent", ann)
    assert len(bytes(version.digest)) == 32


def test_the_same_file_again_changes_nothing(ann: Person) -> None:
    published(ALL, ann)
    before = list(ToolBinding.objects.values()), list(Grant.objects.values())
    assert [new for *_, new in published(ALL, ann)] == [False] * 4
    assert (list(ToolBinding.objects.values()), list(Grant.objects.values())) == before
    assert (ToolVersion.objects.count(), AgentVersion.objects.count()) == (2, 1)


def test_a_file_with_one_problem_publishes_nothing_of_it(ann: Person) -> None:
    with pytest.raises(Invalid, match="no published tool fits 'nothing"):
        published(ALL + "---\n" + AGENT.replace("helper", "other").replace("shop.read", "nothing.*"), ann)
    assert not Tool.objects.exists()
    assert not Agent.objects.exists()
    assert not Environment.objects.exists()


def test_problems_of_all_documents_are_told_at_once_with_their_lines(ann: Person) -> None:
    wrong = "---\n".join(
        [WRITES.replace("POST", "PST"), AGENT.replace("scripted", "1"), BINDING.replace("https", "x")]
    )
    with pytest.raises(Invalid) as caught:
        published(wrong, ann)
    assert [problem.line for problem in caught.value.problems] == [7, 11, 17]


def test_a_problem_that_only_the_database_knows_has_the_line_of_its_document(ann: Person) -> None:
    with pytest.raises(Invalid) as caught:
        published(READS + "---\n" + AGENT.replace("shop.read", "shop.reed"), ann)
    assert [(p.line, "did you mean 'shop.read'" in p.message) for p in caught.value.problems] == [(9, True)]


def test_a_definition_that_is_in_a_file_twice_is_refused(ann: Person) -> None:
    with pytest.raises(Invalid, match=r"tool shop\.read is in this file twice \(first in line 1\)"):
        published(READS + "---\n" + READS, ann)


def test_an_unknown_kind_is_told_which_are_known(ann: Person) -> None:
    with pytest.raises(Invalid, match="known kinds are tool, binding, agent"):
        published(READS.replace("kind: tool", "kind: tol"), ann)


# --- Tools.


def test_a_changed_tool_is_a_new_version_and_the_binding_moves_on_to_it(ann: Person) -> None:
    published(ALL, ann)
    assert published(WRITES + "  timeout: 5s\n", ann) == [("tool", "shop.write", 2, True)]
    assert ToolBinding.objects.get(tool__name="shop.write").version.number == 2


def test_an_earlier_version_comes_back_without_a_new_number(ann: Person) -> None:
    published(ALL, ann)
    published(WRITES + "  timeout: 5s\n", ann)
    assert published(WRITES, ann) == [("tool", "shop.write", 1, True)]
    assert ToolBinding.objects.get(tool__name="shop.write").version.number == 1
    assert ToolVersion.objects.filter(tool__name="shop.write").count() == 2


def test_a_tool_changes_only_in_the_environment_it_is_published_in(ann: Person) -> None:
    published(ALL, ann, "dev")
    published(ALL, ann, "prod")
    published(WRITES + "  timeout: 5s\n", ann, "dev")
    published(BINDING + "  at_once: 3\n", ann, "prod")
    numbers = ToolBinding.objects.filter(tool__name="shop.write").values_list(
        "environment__name", "version__number"
    )
    assert dict(numbers) == {"dev": 2, "prod": 1}


def test_an_observation_may_name_a_tool_that_is_published_but_no_write(ann: Person) -> None:
    published(ALL, ann)
    observing = LEAST + "observe: [{name: o, tool: %s, with: {id: x}}]\n"
    assert published(file(observing % "shop.read", name="a"), ann) == [("tool", "a", 1, True)]
    with pytest.raises(Invalid, match=r"shop\.write does not only read"):
        published(file(observing % "shop.write", name="b"), ann)


def test_a_workflow_may_name_published_tools_and_those_of_its_file(ann: Person) -> None:
    published(ALL, ann)
    step = "kind: workflow\nname: w\nspec: {owner: operators, steps: {a: {kind: tool, tool: %s}}}\n"
    published(step % "shop.read", ann)
    published(step % "other" + "---\n" + file(READ, name="other"), ann)
    assert Workflow.objects.count() == 1
    with pytest.raises(Invalid, match="there is no tool 'nobody'"):
        published(step % "nobody", ann)


# --- Bindings.


def test_a_binding_covers_what_its_globs_fit(ann: Person) -> None:
    published(ALL + "---\n" + file(READ, name="other"), ann)
    assert sorted(ToolBinding.objects.values_list("tool__name", flat=True)) == ["shop.read", "shop.write"]


def test_a_tool_that_a_binding_names_no_more_is_out_of_the_environment(ann: Person) -> None:
    published(ALL, ann)
    published(BINDING.replace("shop.*", "shop.read"), ann)
    assert dict(ToolBinding.objects.values_list("tool__name", "active")) == {
        "shop.read": True,
        "shop.write": False,
    }
    published(BINDING, ann)
    assert ToolBinding.objects.filter(active=True).count() == 2


def test_a_tool_belongs_to_one_binding_of_an_environment(ann: Person) -> None:
    published(ALL, ann)
    other = BINDING.replace("name: shop", "name: mall").replace("shop.*", "shop.read")
    with pytest.raises(Invalid, match=r"shop\.read belongs to the binding 'shop' here"):
        published(other, ann)
    published(other, ann, "prod")
    published(BINDING.replace("shop.*", "shop.write"), ann)
    assert published(other, ann) == [("binding", "mall", 0, True)]


def test_a_binding_stores_the_reference_of_its_secret_only(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "the-secret-itself")
    published(ALL.replace("example.org\n", "example.org\n  secret: env:SHOP_TOKEN\n"), ann)
    (row, *_) = ToolBinding.objects.all()
    assert row.secret_reference == "env:SHOP_TOKEN"
    assert "the-secret-itself" not in str(list(ToolBinding.objects.values()))


# --- Agents.


def test_an_agent_has_a_version_an_owner_and_its_grants(ann: Person) -> None:
    published(ALL, ann)
    agent = Agent.objects.get(name="helper")
    assert agent.owner == ann
    assert [str(grant) for grant in agent.grants.all()] == ["helper may use shop.read in dev"]
    found = identities.identity(AgentVersion.objects.select_related("agent").get())
    assert found == identities.Identity("helper", "scripted", "m")


def test_grants_are_exactly_those_of_the_file_in_that_environment(ann: Person) -> None:
    published(ALL, ann)
    published(AGENT.replace("shop.read", "shop.*"), ann, "prod")
    assert published(AGENT.replace("shop.read", "shop.write"), ann) == [("agent", "helper", 1, True)]
    held = Grant.objects.values_list("environment__name", "tool__name")
    assert sorted(held) == [("dev", "shop.write"), ("prod", "shop.read"), ("prod", "shop.write")]


def test_a_changed_agent_is_a_new_version(ann: Person) -> None:
    published(ALL, ann)
    changed = AGENT.replace("model: m,", "model: m, prompt: Be kind., settings: {heat: 0.5},")
    assert published(changed, ann) == [("agent", "helper", 2, True)]
    found = identities.identity(AgentVersion.objects.select_related("agent").get(number=2))
    assert (found.prompt, found.settings) == ("Be kind.", {"heat": 0.5})


def test_an_agent_belongs_to_the_person_named_and_stays_theirs(ann: Person) -> None:
    ben = factories.person("ben")
    published(ALL, ann)
    published(AGENT.replace("model: m,", "model: m, owner: ben,"), ann)
    assert Agent.objects.get().owner == ben
    published(AGENT, ann)
    assert Agent.objects.get().owner == ben


def test_an_owner_whom_nobody_knows_is_refused(ann: Person) -> None:
    with pytest.raises(Invalid, match="there is no person 'nobody' to own helper"):
        published(READS + "---\n" + AGENT.replace("model: m,", "model: m, owner: nobody,"), ann)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (
            AGENT.replace("helper", "help.er"),
            "'help.er' is not allowed here (use lower-case letters, digits, _ and -",
        ),
        (AGENT.replace("adapter: scripted, ", ""), "adapter is missing"),
        (AGENT.replace("scripted", "'os system'"), "'os system' is not allowed here"),
        (AGENT.replace("grants", "grant"), "'grant' is not known here (did you mean 'grants'?)"),
    ],
)
def test_a_wrong_agent_is_refused_in_words(ann: Person, wrong: str, says: str) -> None:
    with pytest.raises(Invalid) as caught:
        published(wrong, ann)
    assert says in str(caught.value)


# --- The example.


def test_the_files_of_the_example_store_are_published_and_again_unchanged(ann: Person) -> None:
    texts = [
        (STORE / name).read_text(encoding="utf-8") for name in ("tools.yaml", "bindings.yaml", "agents.yaml")
    ]
    for text in texts:
        assert all(new for *_, new in published(text, ann, "demo"))
    for text in texts:
        assert not any(new for *_, new in published(text, ann, "demo"))
    place = Environment.objects.get(name="demo")
    assert len(toolbox.load(place.pk).tools) == 21
    held = toolbox.granted(Agent.objects.get(name="store-gpt-4o").pk, place.pk)
    assert len(held) == 17
    assert not any(name.startswith("observe.") for name in held)
