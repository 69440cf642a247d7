"""Sets a replay up in an installation: people, published definitions, and one task for each recorded run.
Refuses to decide anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchestra.canonical import Json
from orchestra.engine import publish
from orchestra.intake import tasks
from orchestra.models import Person, Run
from orchestra.people import persons
from reviews.replay.documents import Library
from reviews.replay.parts import Part
from reviews.replay.store import Store

ENVIRONMENT: Final = "replay"
#: A recorded agent that went in circles does so again; only its turns and calls are limited.
NO_LOOPS: Final[Mapping[str, Json]] = {"repeats": 0}
#: Separation of duties: who publishes owns agents and rules, who asks is another one, and others decide.
PEOPLE: Final = {
    "publisher": ("Publisher of the replay", "admins"),
    "requester": ("Requester of the replay", "requesters"),
    "reviewer": ("Scripted reviewer", "reviewers"),
    "second-reviewer": ("Second scripted reviewer", "reviewers"),
}


@dataclass(frozen=True, slots=True)
class Cast:
    """The people of a replay."""

    publisher: Person
    requester: Person
    reviewers: tuple[Person, ...]


def people() -> Cast:
    """Add the people. Raises Invalid when they are there: a replay wants an installation of its own."""
    publisher, requester, *reviewers = [
        persons.add(name=name, full_name=full_name, groups=[group], password=None)
        for name, (full_name, group) in PEOPLE.items()
    ]
    return Cast(publisher, requester, tuple(reviewers))


def publish_all(library: Library, *, by: Person, store: str, data: Path, policies: bool) -> None:
    """Publish tools, bindings to the store at that address, agents, workflows and, if wanted, policies."""
    texts = [library.tools(), library.bindings(store), library.agents(data)]
    texts += library.policies() if policies else []
    for text in [*texts, library.workflows(limits=NO_LOOPS)]:
        publish.text(text, by=by, environment=ENVIRONMENT)


def submit(part: Part, *, by: Person, store: Store) -> Run:
    """Make the world of a part and ask for its run."""
    store.open_world(part.world, dialect=part.run.dialect, faults=part.faults)
    request = tasks.Request(
        workflow=part.agent,
        environment=ENVIRONMENT,
        payload={"run": part.run.run},
        source="command",
        subject=part.run.task,
        reference=part.run.run,
        labels={"world": part.world},
    )
    return tasks.accept(request, by=by).run
