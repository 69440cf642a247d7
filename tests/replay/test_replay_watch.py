"""A run that stands still is called stuck; one that waits for its turn is not, as long as others move."""

from __future__ import annotations

from uuid import uuid4

from reviews.replay import watch
from reviews.replay.watch import Standing, Watch
from tests import factories
from tests.databases import Database

ONE, TWO = uuid4(), uuid4()
DONE = Standing("succeeded", due=False, events=9)


def test_it_is_over_when_all_are_at_rest() -> None:
    seen = Watch(patience=10)
    view = {ONE: DONE, TWO: Standing("escalated", due=False, events=3)}
    seen.look(view, 0)
    assert seen.is_over(view, 0)


def test_a_run_that_waits_for_nothing_is_stuck_after_a_while() -> None:
    seen = Watch(patience=10)
    view = {ONE: Standing("waiting", due=False, events=3), TWO: Standing("queued", due=True, events=1)}
    seen.look(view, 0)
    assert not seen.stuck(view, 9)
    later = {**view, TWO: Standing("running", due=False, events=2)}
    seen.look(later, 9)
    assert seen.stuck(later, 11) == {ONE}
    assert not seen.is_over(later, 11)


def test_a_due_run_is_stuck_only_when_nothing_moves_at_all() -> None:
    seen = Watch(patience=10)
    view = {ONE: Standing("queued", due=True, events=1), TWO: Standing("running", due=False, events=1)}
    seen.look(view, 0)
    view[TWO] = Standing("running", due=False, events=2)
    seen.look(view, 9)
    assert seen.stuck(view, 18) == set()
    assert seen.stuck(view, 20) == {ONE, TWO}
    assert seen.is_over(view, 20)


def test_the_view_tells_state_due_and_last_event(database: Database) -> None:
    due, waiting = factories.run(), factories.run(state="waiting")
    view = watch.view([due.pk, waiting.pk])
    assert view == {
        due.uid: Standing("queued", due=True, events=1),
        waiting.uid: Standing("waiting", due=False, events=3),
    }
    assert watch.told(view) == "1 queued, 1 waiting"
