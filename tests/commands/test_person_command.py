"""manage.py person: adds people, with or without a password, and the groups that questions are asked of."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from orchestra.models import Person, User
from tests.commands.typed import refused, typed
from tests.conftest import ROOT
from tests.engine.stage import Stage, names


def test_person_has_an_account_of_the_same_name_in_the_groups(shared: Stage) -> None:
    found = typed(
        "person",
        "add",
        "ben",
        "--full-name",
        "Ben Blue",
        "--group",
        "reviewers",
        "--group",
        "auditors",
        "--no-password",
    )
    assert (found.code, found.lines) == (0, ["ben added"])
    account = User.objects.get(username="ben")
    assert account.person is not None
    assert (account.person.full_name, account.has_usable_password()) == ("Ben Blue", False)
    assert {group.name for group in account.groups.all()} == {"reviewers", "auditors"}
    assert any(
        line.startswith("ben ") and "auditors, reviewers" in line for line in typed("person", "list").lines
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "Ben Blue"], "no short name"),
        (["add", "ben!"], "no short name"),
        (["add", "x" * 81], "no short name"),
        (["add", "olga"], "already"),
        (["add", "cy", "--group", "nobodies"], "There is no group nobodies"),
        (["add", "cy", "--full-name", "x" * 201], "at most 200 characters"),
        (["add", "cy", "--full-name", "\udcff"], "surrogate"),
        (["group", ""], "no name of a group"),
        (["group", "x" * 151], "no name of a group"),
        (["group", "Night Shift"], "no name of a group"),
        ([], "verb"),
    ],
)
def test_what_is_wrong_is_said_in_words(shared: Stage, arguments: list[str], said: str) -> None:
    more = ["--no-password"] if arguments[:1] == ["add"] else []
    assert said in refused("person", *arguments, *more)
    assert not Person.objects.filter(name="cy").exists()


def test_group_is_added_once(shared: Stage) -> None:
    assert typed("person", "group", "night-shift").lines == ["night-shift added"]
    assert typed("person", "group", "night-shift").lines == ["night-shift is there already"]


@pytest.mark.parametrize(
    ("typed_in", "code", "said"),
    [
        ("a long and good passphrase\n", 0, "added"),
        ("short\n", 1, "too short"),
        ("password1234\n", 1, "too common"),
        ("\n", 1, "too short"),
        ("", 1, "--no-password"),
    ],
)
def test_password_is_asked_for_and_held_against_the_rules(
    shared: Stage, typed_in: str, code: int, said: str
) -> None:
    name = f"dora-{next(names)}"
    found = subprocess.run(
        [sys.executable, "manage.py", "person", "add", name],
        cwd=ROOT,
        env={**os.environ, **shared.database.environment()},
        input=typed_in,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,  # no terminal to ask at: it reads what is piped in
    )
    assert found.returncode == code, found.stderr
    assert said in found.stdout + found.stderr
    assert "Traceback" not in found.stderr
    assert Person.objects.filter(name=name).exists() is (code == 0)


def test_first_administrator_enters_the_administration(shared: Stage) -> None:
    assert typed("person", "add", "first", "--no-password", "--superuser").lines == ["first added"]
    account = User.objects.get(username="first")
    assert (account.is_staff, account.is_superuser, account.person is not None) == (True, True, True)
