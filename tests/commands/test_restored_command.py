"""manage.py restored: after a backup was put back, nothing that may have been done is done again without people."""

from __future__ import annotations

from orchestra.models import Epoch, Person
from tests import factories
from tests.commands.typed import refused, typed
from tests.databases import Database

SAID = ["--as", "olga", "--reason", "the disk of the night"]


def test_new_epoch_begins_and_says_what_it_touches(database: Database) -> None:
    Person.objects.create(name="olga")
    factories.toolcall(state="approved")
    factories.toolcall(state="dispatched")
    found = typed("restored", *SAID)
    newest = Epoch.objects.latest("pk")
    assert (found.code, found.lines[0]) == (0, f"{newest.uid} begun")
    assert [line.split()[0] for line in found.lines[1:]] == ["1", "1"]
    assert newest.reason == "olga: the disk of the night"


def test_it_wants_a_reason_and_a_person(database: Database) -> None:
    Person.objects.create(name="olga")
    assert "Say which backup" in refused("restored", "--as", "olga", "--reason", " ")
    assert "no person" in refused("restored", "--as", "nobody", "--reason", "a backup")
