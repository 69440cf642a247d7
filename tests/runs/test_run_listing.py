"""Finding runs: only what one may see, by text, id, state, label; pages by keys, each run once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from orchestra.errors import Invalid, NotFound
from orchestra.models import Person, Run
from orchestra.runs import listing
from orchestra.runs.listing import Filters
from tests import factories
from tests.runs.scene import Scene


def uids(holder: Person, **filters: str) -> list[Run]:
    return list(listing.page(holder, Filters(**filters)).rows)


@pytest.fixture
def runs(scene: Scene) -> Mapping[str, Run]:
    """Three runs that differ in everything that one can ask for, and one that is not theirs."""
    factories.run(factories.task(subject="Refund for Kay", reference="K-1"))
    return {
        "kay": scene.run(task={"subject": "Refund for Kay", "reference": "K-1", "labels": {"shop": "north"}}),
        "may": scene.run("failed", task={"subject": "Exchange for May"}),
        "joy": scene.run("escalated", task={"subject": "100% off_all for Joy", "labels": {"shop": "south"}}),
    }


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, "joy may kay"),
        ({"q": "K-1"}, "kay"),
        ({"q": "Refund for"}, "kay"),
        ({"q": "for"}, "joy may kay"),
        ({"q": "FOR MAY"}, "may"),
        ({"q": "% off_"}, "joy"),
        ({"q": "%"}, "joy"),
        ({"q": "nothing like it"}, ""),
        ({"state": "failed"}, "may"),
        ({"state": "live"}, "joy kay"),
        ({"state": "ended"}, "may"),
        ({"failure": "bug"}, "may"),
        ({"environment": "dev"}, "joy may kay"),
        ({"environment": "prod"}, ""),
        ({"label": "shop=north"}, "kay"),
        ({"label": "shop"}, ""),
        ({"q": "for", "state": "live", "label": "shop=south"}, "joy"),
    ],
)
def test_runs_are_found_by_what_they_are_about(
    scene: Scene, runs: Mapping[str, Run], filters: dict[str, str], names: str
) -> None:
    assert uids(scene.operator, **filters) == [runs[name] for name in names.split()]
    assert listing.count(scene.operator, Filters(**filters)) == str(len(names.split()))
    assert uids(scene.outsider, **filters) == []


def test_runs_are_found_by_the_id_of_the_run_and_of_its_task(scene: Scene, runs: Mapping[str, Run]) -> None:
    for uid in (runs["may"].uid, runs["may"].task.uid):
        assert uids(scene.operator, q=str(uid)) == [runs["may"]]
        assert uids(scene.operator, q=str(uid).upper()) == [runs["may"]]
        assert uids(scene.outsider, q=str(uid)) == []
    assert uids(scene.operator, q=str(factories.uid())) == []


@pytest.mark.parametrize(
    "wrong", [{"state": "none"}, {"failure": "none"}, {"before": "x"}, {"before": "1"}, {"q": "a\0b"}]
)
def test_filter_that_means_nothing_is_refused_in_words(scene: Scene, wrong: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        listing.page(scene.operator, Filters(**wrong))


def test_pages_lead_through_all_runs_once_also_when_new_ones_come(scene: Scene) -> None:
    first = [scene.run() for _ in range(listing.ON_PAGE + 7)]
    seen: list[Run] = []
    filters = Filters()
    while True:
        page = listing.page(scene.operator, filters)
        seen += page.rows
        if not page.older:
            break
        filters = Filters(before=page.older)
        scene.run()
    assert seen == first[::-1]


def test_stranger_finds_nothing_and_is_told_the_same_as_of_what_is_not_there(scene: Scene) -> None:
    run = scene.run()
    assert listing.find(run.uid, scene.requester) == run
    with pytest.raises(NotFound):
        listing.find(run.uid, scene.outsider)


def test_mark_of_a_run_changes_with_whatever_happens_to_it(scene: Scene) -> None:
    run = scene.run("running")
    marks = [listing.mark(listing.find(run.uid, scene.operator))]
    step = factories.step(run, "serve", kind="agent", state="running")
    marks.append(listing.mark(listing.find(run.uid, scene.operator)))
    factories.turn(step)
    marks.append(listing.mark(listing.find(run.uid, scene.operator)))
    factories.halt(deployment=scene.deployment)
    marks.append(listing.mark(listing.find(run.uid, scene.operator)))
    assert len(set(marks)) == 4
