"""The front page says that Orchestra runs and where things are; what it links to is there."""

from __future__ import annotations

import re

from django.test import Client

from tests.databases import Database

local = Client(headers={"host": "localhost"}, raise_request_exception=False)


def test_the_front_page_links_to_what_exists(database: Database) -> None:
    page = local.get("/")
    assert page.status_code == 200
    links = re.findall(r'href="(/[^"]*)"', page.content.decode())
    assert "/accounts/login/" in links
    assert len([link for link in links if link.startswith("/static/")]) == 6
    for link in links:
        assert local.get(link).status_code in {200, 302}, link


def test_the_administration_leads_to_the_one_place_where_people_sign_in(database: Database) -> None:
    answer = local.get("/admin/login/")
    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, "/accounts/login/")


def test_only_reads_reach_the_front_page() -> None:
    assert local.post("/").status_code == 405
