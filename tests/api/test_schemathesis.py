"""What the description of the API promises holds, for requests that nobody would think of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest
import schemathesis
from django.urls import get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks as promises

from orchestra.api import docs, runs, tasks, whoami
from orchestra.api import tokens as of_tokens
from orchestra.models import HumanTask, Task, User
from orchestra.people import tokens
from reviews.api import proposals, questions
from tests import factories
from tests.api.site import Site

CHECKS: Final = [
    not_a_server_error,
    promises.status_code_conformance,
    promises.content_type_conformance,
    promises.response_headers_conformance,
    promises.response_schema_conformance,
]


def described() -> dict[str, Any]:
    """The description without its token, which every request of ours has."""
    assert get_resolver().url_patterns  # the root of the addresses adds the operations of reviews
    found: dict[str, Any] = json.loads(docs.text())
    for methods in found["paths"].values():
        for operation in methods.values():
            del operation["security"]
    return found


OPERATIONS: Final = [
    each.ok()
    for each in schemathesis.openapi.from_dict(described()).get_all_operations()
    if isinstance(each, Ok)
]
TAKING: Final = [each for each in OPERATIONS if each.path_parameters or each.query or each.body]
QUIET: Final = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@pytest.fixture(scope="module")
def works() -> bool:
    """What waits here is no real run."""
    return False


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    """Of somebody who may do everything."""
    person = site.stage.person(["operators", "reviewers", "requesters"])
    User.objects.filter(person=person).update(is_superuser=True)
    return site.token(person)


@pytest.fixture(scope="module")
def known(site: Site, token: str) -> Mapping[str, str]:
    """One of each, so that operations meet something that is there."""
    proposal = site.proposal(votes_needed=1000)
    question = factories.humantask(proposal.toolcall.run)
    spare = site.row(site.token(tokens.holder_of(site.row(token))))
    return {
        "Tasks": str(Task.objects.latest("pk").uid),
        "Runs": str(proposal.toolcall.run.uid),
        "Proposals": str(proposal.uid),
        "Questions": str(HumanTask.objects.get(pk=question.pk).uid),
        "Tokens": str(spare.uid),
    }


@pytest.mark.parametrize("operation", OPERATIONS, ids=[each.label for each in OPERATIONS])
def test_every_answer_is_as_described(
    operation: Any, site: Site, token: str, known: Mapping[str, str]
) -> None:
    @QUIET
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE), real=st.booleans())
    def hold(case: Case[Any], real: bool) -> None:
        if real and "uid" in case.path_parameters:
            case.path_parameters["uid"] = known[operation.tags[0]]
        if "wait" in case.query:
            case.query["wait"] = min(int(case.query["wait"]), 1)
        send(case, site, token)

    hold()


@pytest.mark.parametrize("operation", TAKING, ids=[each.label for each in TAKING])
def test_what_is_not_as_described_is_refused(operation: Any, site: Site, token: str) -> None:
    @QUIET
    @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def hold(case: Case[Any]) -> None:
        send(case, site, token, promises.negative_data_rejection)

    hold()


def send(case: Case[Any], site: Site, token: str, *more: Any) -> None:
    case.headers["Authorization"] = f"Bearer {token}"
    case.call_and_validate(base_url=site.address, checks=[*CHECKS, *more], timeout=60)


@pytest.mark.parametrize("operation", OPERATIONS, ids=[each.label for each in OPERATIONS])
def test_nothing_is_open_without_a_token(operation: Any, site: Site) -> None:
    path = operation.path.removeprefix("/api/v1").replace("{uid}", str(factories.uid()))
    told = site.send(operation.method.upper(), path, {} if operation.method == "post" else None)
    assert (told.status, told.code) == (401, "unauthenticated")


def test_every_operation_is_here() -> None:
    assert len(OPERATIONS) == sum(len(methods) for methods in described()["paths"].values()) > 20


def test_no_two_shapes_share_a_name() -> None:
    shapes: dict[str, set[str]] = {}
    for module in (runs, tasks, of_tokens, whoami, proposals, questions):
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, BaseModel):
                shapes.setdefault(name, set()).add(f"{value.__module__}.{value.__qualname__}")
    assert {name: found for name, found in shapes.items() if len(found) > 1} == {}
