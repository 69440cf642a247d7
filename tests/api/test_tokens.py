"""Tokens: what they open, what they never do, and when they stop."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestra.client import ApiError, Client
from orchestra.engine.connections import now
from orchestra.errors import Invalid
from orchestra.models import ApiToken, Person, User
from orchestra.people import tokens
from tests.api.site import Site
from tests.databases import Database

NOBODY = "orc_aaaaaaaa_" + "A" * 43


@pytest.mark.parametrize(
    "given", ["", NOBODY, "orc_", "nonsense", "orc_aaaaaaaa_\u00e9" + "A" * 42, "A" * 5000]
)
def test_nothing_opens_without_a_living_token(site: Site, given: str) -> None:
    told = site.send("GET", "/me", token=given.encode().decode("latin-1") or None)
    assert (told.status, told.code, told.headers["WWW-Authenticate"]) == (
        401,
        "unauthenticated",
        'Bearer realm="orchestra"',
    )


def test_session_of_the_browser_opens_nothing(site: Site) -> None:
    told = site.send(
        "GET", "/me", headers={"Cookie": "sessionid=whatever", "Authorization": "Basic cml0YTpyaXRh"}
    )
    assert told.status == 401


def test_token_says_who_it_speaks_for_and_what_it_may(site: Site) -> None:
    me = site.client(site.requester, "tasks:read", "tasks:submit").me()
    assert (me.holder.kind, me.holder.name) == ("person", site.requester.name)
    assert me.token.scopes == ["tasks:submit", "tasks:read"]
    assert site.workflow in {place.workflow for place in me.submits_to}
    assert site.client(site.outsider).me().submits_to == []


def test_scope_that_the_token_lacks_is_refused_whatever_its_holder_may(site: Site) -> None:
    told = site.submit(site.token(site.requester, "tasks:read"))
    assert (told.status, told.code) == (403, "not-allowed")
    assert "tasks:submit" in told.body["detail"]


def test_revoked_token_fails_on_the_next_request(site: Site) -> None:
    client = site.client(site.requester)
    made = client.make_token("ci", scopes=["tasks:read"], hours=1)
    other = Client(site.address, made.token, tries=1)
    assert other.tasks().items is not None
    assert client.revoke_token(made.uid).revoked_at is not None
    with pytest.raises(ApiError) as caught:
        other.tasks()
    assert caught.value.code == "unauthenticated"
    assert made.uid not in {token.uid for token in client.tokens()}
    client.revoke_token(made.uid)


def test_token_that_is_past_its_time_opens_nothing(site: Site) -> None:
    text = site.token(site.requester)
    ApiToken.objects.filter(pk=site.row(text).pk).update(expires_at=now())
    assert site.send("GET", "/me", token=text).status == 401


@pytest.mark.parametrize("what", ["account", "person", "service"])
def test_token_of_somebody_who_may_not_come_in_opens_nothing(site: Site, what: str) -> None:
    holder = site.service("requesters") if what == "service" else site.stage.person(["requesters"])
    text = site.token(holder)
    assert site.send("GET", "/me", token=text).status == 200
    if what == "account":
        holder.accounts.update(is_active=False)
    else:
        type(holder).objects.filter(pk=holder.pk).update(active=False)
    assert site.send("GET", "/me", token=text).status == 401


def test_group_that_was_left_counts_from_the_next_request(site: Site) -> None:
    person = site.stage.person(["requesters"])
    client = site.client(person)
    task = client.submit(workflow=site.workflow, environment="dev")
    User.objects.get(person=person).groups.clear()
    with pytest.raises(ApiError) as caught:
        client.task(task.uid)
    assert caught.value.code == "not-found"


def test_text_is_told_once_and_kept_nowhere(site: Site) -> None:
    client = site.client(site.requester)
    made = client.make_token("once", scopes=["tasks:read"], hours=1)
    row = ApiToken.objects.get(uid=made.uid)
    assert made.token.startswith(row.prefix)
    assert made.token not in str(ApiToken.objects.filter(pk=row.pk).values())
    assert made.token not in site.send("GET", "/tokens", token=site.token(site.requester)).text


def test_token_never_makes_one_with_more_scopes_or_a_longer_life(site: Site) -> None:
    text = site.token(site.requester, "tokens:manage", "tasks:read", hours=2)
    client = Client(site.address, text, tries=1)
    with pytest.raises(ApiError) as caught:
        client.make_token("more", scopes=["tasks:read", "tasks:submit"], hours=1)
    assert (caught.value.code, "tasks:submit" in caught.value.detail) == ("not-allowed", True)
    assert (
        client.make_token("longer", scopes=["tasks:read"], hours=100).expires_at == site.row(text).expires_at
    )


def test_tokens_of_others_are_neither_seen_nor_revoked(site: Site) -> None:
    text = site.token(site.operator)
    row, client = site.row(text), site.client(site.requester)
    assert str(row.uid) not in {token.uid for token in client.tokens()}
    with pytest.raises(ApiError) as caught:
        client.revoke_token(str(row.uid))
    assert caught.value.code == "not-found"
    assert site.send("GET", "/me", token=text).status == 200


def test_last_use_is_kept_to_the_minute(site: Site) -> None:
    text = site.token(site.requester)
    site.send("GET", "/me", token=text)
    first = site.row(text).last_used_at
    assert first is not None
    site.send("GET", "/me", token=text)
    assert site.row(text).last_used_at == first
    ApiToken.objects.filter(pk=site.row(text).pk).update(last_used_at=now() - timedelta(minutes=2))
    site.send("GET", "/me", token=text)
    again = site.row(text).last_used_at
    assert again is not None
    assert again > first


class TestMinting:
    """What may be made at all."""

    def mint(self, holder: Person, *wanted: str, hours: float = 1, name: str = "t") -> ApiToken:
        return tokens.mint(
            holder=holder, name=name, wanted=wanted, life=timedelta(hours=hours), by="test"
        ).token

    @pytest.mark.parametrize(
        ("wanted", "hours", "name"),
        [
            (["proposals:decide"], 12.1, "t"),
            (["questions:answer", "tasks:read"], 13, "t"),
            (["tasks:read"], 24 * 367, "t"),
            (["tasks:read"], 0, "t"),
            (["tasks:read"], -1, "t"),
            ([], 1, "t"),
            (["everything"], 1, "t"),
            (["tasks:read"], 1, " "),
            (["tasks:read"], 1, "n" * 121),
            (["tasks:read"], 1, "a\0b"),
        ],
    )
    def test_what_may_not_be_is_refused(self, site: Site, wanted: list[str], hours: float, name: str) -> None:
        with pytest.raises(Invalid):
            self.mint(site.requester, *wanted, hours=hours, name=name)

    def test_token_that_decides_lives_half_a_day(self, site: Site) -> None:
        made = self.mint(site.reviewer, "proposals:decide", hours=12)
        assert timedelta(hours=11) < made.expires_at - now() <= timedelta(hours=12)

    @pytest.mark.parametrize("scope", ["proposals:decide", "questions:answer"])
    def test_system_never_gets_what_only_people_do(self, site: Site, scope: str) -> None:
        with pytest.raises(Invalid, match="Only people decide"):
            tokens.mint(holder=site.system, name="t", wanted=[scope], life=timedelta(hours=1), by="test")

    def test_there_is_an_end_to_how_many(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tokens, "MOST", 2)
        person = site.stage.person([])
        self.mint(person, "tasks:read")
        self.mint(person, "tasks:read")
        with pytest.raises(Invalid, match="already"):
            self.mint(person, "tasks:read")


def test_database_refuses_a_token_of_nobody_and_of_two(database: Database) -> None:
    with database.connect() as session:
        assert "apitoken_has_one_owner" in str(
            session.execute(
                "SELECT array_agg(conname) FROM pg_constraint WHERE conrelid = 'orchestra_apitoken'::regclass"
            ).fetchone()
        )
