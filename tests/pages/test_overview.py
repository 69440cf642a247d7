"""The overview: figures of what one sees, drawn and in numbers; nothing of the rest; no figure is asked row by row."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orchestra.models import Proposal, Step
from orchestra.runs import overview
from orchestra.runs.overview import Series, Table
from orchestra.views import charts
from tests import factories
from tests.databases import Database
from tests.runs import scene as scenes
from tests.runs.scene import Scene, browser


@pytest.fixture
def scene(database: Database) -> Scene:
    return scenes.build()


def older(proposal: Proposal, **by: float) -> None:
    """The proposal was made earlier, as far as anybody can tell."""
    Proposal.objects.filter(pk=proposal.pk).update(created_at=factories.now() - timedelta(**by))


def test_queue_is_told_by_age_and_tier(scene: Scene) -> None:
    for tier, minutes in ((4, 1), (4, 30), (2, 300), (1, 3000)):
        _, proposal = scene.asked(tier=tier)
        older(proposal, minutes=minutes)
    ages = overview.of(scene.operator).ages
    assert {row.name: list(row.numbers) for row in ages.series} == {
        "critical": [1, 1, 0, 0, 0],
        "high": [0, 0, 0, 0, 0],
        "medium": [0, 0, 0, 1, 0],
        "low": [0, 0, 0, 0, 1],
    }


def test_proposals_and_runs_are_counted_by_hour_of_the_last_day(scene: Scene) -> None:
    _, now = scene.asked()
    _, before = scene.asked()
    older(before, days=2)
    factories.walk(now, "approved")
    for end in ("expired", "cancelled", "superseded"):
        _, other = scene.asked()
        older(other, days=2)
        factories.walk(other, end)
    for state in ("succeeded", "succeeded", "failed"):
        scene.run(state)
    scene.run("cancelled")
    found = overview.of(scene.operator)
    sums = {row.name: sum(row.numbers) for row in (*found.proposals.series, *found.finished.series)}
    assert sums == {"opened": 1, "decided": 1, "expired": 1, "succeeded": 2, "failed": 1, "cancelled": 1}
    assert len(found.proposals.labels) == overview.HOURS


def test_failures_are_counted_by_class_the_most_frequent_first(scene: Scene) -> None:
    run = scene.run("running")
    for number in range(3):
        factories.step(run, f"s{number}", state="failed")
    call = factories.toolcall(factories.step(run, "serve", state="running"))
    factories.walk(call, "denied", failure_class="policy_block")
    failures = overview.of(scene.operator).failures
    assert list(failures.labels) == ["bug", "policy block"]
    assert [list(row.numbers) for row in failures.series] == [[3, 0], [0, 1]]
    assert Step.objects.filter(state="failed").count() == 3


def test_median_time_to_a_decision_and_what_waits_longest_are_told(scene: Scene) -> None:
    for minutes in (10, 20, 90):
        _, proposal = scene.asked(tier=3)
        older(proposal, minutes=minutes)
        factories.walk(proposal, "approved")
    _, first = scene.asked(sentence="The first")
    older(first, hours=3)
    _, second = scene.asked(sentence="The second", tier=4)
    older(second, hours=1)
    text = browser(scene.operator).get("/overview/").content.decode()
    assert re.search(r"high</th>\s*<td>3</td>\s*<td>20 min</td>", text)
    assert text.index("The first") < text.index("The second")


def test_nothing_is_told_of_what_one_does_not_see(scene: Scene) -> None:
    _, proposal = scene.asked(sentence="covert")
    factories.walk(proposal, "approved")
    scene.asked(sentence="covert")
    scene.run("failed")
    figures = overview.of(scene.outsider)
    assert figures.medians == []
    assert figures.oldest == []
    assert all(
        table.is_empty for table in (figures.ages, figures.proposals, figures.finished, figures.failures)
    )
    text = browser(scene.outsider).get("/overview/").content.decode()
    assert ("covert" in text, text.count("Nothing to show: there was none."), "<svg" in text) == (
        False,
        4,
        False,
    )


def test_every_chart_has_its_numbers_as_a_table(scene: Scene) -> None:
    scene.asked()
    text = browser(scene.operator).get("/overview/").content.decode()
    assert text.count("<svg") == text.count(", in numbers</summary>") == 2
    assert "style=" not in text


def test_overview_asks_the_database_eight_times_at_most(scene: Scene) -> None:
    for _ in range(5):
        scene.asked()
        scene.run("failed")
    client = browser(scene.operator)
    with CaptureQueriesContext(connection) as asked:
        assert client.get("/overview/").status_code == 200
    frames = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")
    assert len([one for one in asked.captured_queries if not one["sql"].startswith(frames)]) <= 8


TABLE = Table(["a", "b"], [Series("x", [2, 0]), Series("y", [1, 4])])


@pytest.mark.parametrize("draw", [charts.columns, charts.rows])
def test_bars_stay_inside_of_the_picture_and_are_as_long_as_their_numbers(draw: object) -> None:
    chart = draw(TABLE)  # type: ignore[operator]
    assert [bar.says for bar in sorted(chart.bars, key=lambda bar: bar.says)] == [
        "a: 1 y",
        "a: 2 x",
        "b: 4 y",
    ]
    for bar in chart.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= chart.width
        assert 0 <= bar.y <= bar.y + bar.height <= chart.height
    long = {bar.says: bar.height if draw is charts.columns else bar.width for bar in chart.bars}
    assert long["b: 4 y"] == pytest.approx(4 * long["a: 1 y"], rel=0.02)
    assert list(chart.lines) == [("a", [2, 1]), ("b", [0, 4])]


def test_chart_without_numbers_is_empty() -> None:
    assert charts.rows(Table([], [Series("x", [])])).is_empty
    assert charts.columns(Table(["a"], [Series("x", [0])])).is_empty
