"""The error family: what callers may rely on."""

from __future__ import annotations

import copy

import pytest

from orchestra import errors

TABLE = {
    errors.StaleState: ("stale-state", 409, False),
    errors.FenceLost: ("fence-lost", 409, False),
    errors.NotAllowed: ("not-allowed", 403, False),
    errors.NotFound: ("not-found", 404, False),
    errors.Expired: ("expired", 410, False),
    errors.Invalid: ("invalid", 422, False),
    errors.BudgetExceeded: ("budget-exceeded", 422, False),
    errors.NoRoute: ("no-route", 422, False),
    errors.KeyReused: ("key-reused", 422, False),
    errors.Halted: ("halted", 423, False),
    errors.LimitHit: ("limit-hit", 429, True),
    errors.Unavailable: ("unavailable", 503, True),
    errors.Bug: ("bug", 500, False),
}


def _family(root: type[errors.OrchestraError]) -> set[type[errors.OrchestraError]]:
    return {root}.union(*(_family(child) for child in root.__subclasses__()))


def _own() -> set[type[errors.OrchestraError]]:
    return {c for c in _family(errors.OrchestraError) if c.__module__ == errors.__name__}


@pytest.mark.parametrize(("kind", "promise"), TABLE.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_codes_and_statuses_are_stable(
    kind: type[errors.OrchestraError], promise: tuple[str, int, bool]
) -> None:
    assert (kind.code, kind.status, kind.retry) == promise


def test_every_error_of_the_module_is_in_the_table() -> None:
    assert _own() - {errors.OrchestraError} == set(TABLE)


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in _own()]
    assert len(codes) == len(set(codes))


def test_a_lost_fence_is_handled_by_whoever_handles_stale_state() -> None:
    with pytest.raises(errors.StaleState):
        raise errors.FenceLost("run 1 was claimed by another worker")


def test_details_cannot_be_changed_from_outside() -> None:
    given = {"left": 3}
    error = errors.BudgetExceeded("too dear", details=given)
    given["left"] = 99
    assert dict(error.details) == {"left": 3}
    with pytest.raises(TypeError):
        error.details["left"] = 4  # type: ignore[index]


def test_one_problem_names_its_place_in_the_message() -> None:
    error = errors.Invalid.at("/steps/0/if", "unknown name `orde`", line=7)
    assert str(error) == "line 7, /steps/0/if: unknown name `orde`"
    assert error.problems == (errors.Problem("/steps/0/if", "unknown name `orde`", 7),)


def test_several_problems_are_counted_in_the_message() -> None:
    error = errors.Invalid.of([errors.Problem("/a", "wrong"), errors.Problem("/b", "missing")])
    assert error.message == "/a: wrong (and 1 more)"
    assert [p.pointer for p in error.problems] == ["/a", "/b"]


def test_making_an_error_out_of_no_problem_is_a_bug() -> None:
    with pytest.raises(errors.Bug):
        errors.Invalid.of([])


def test_errors_survive_a_copy_with_all_they_carry() -> None:
    limit = copy.deepcopy(errors.LimitHit("slow down", retry_after=7.5, details={"key": "order"}))
    invalid = copy.deepcopy(errors.Invalid.at("/x", "wrong", line=3))
    assert (limit.retry_after, dict(limit.details)) == (7.5, {"key": "order"})
    assert invalid.problems[0].line == 3


def test_failure_classes_are_the_closed_list_of_the_design() -> None:
    assert {str(kind) for kind in errors.FailureClass} == {
        "tool_error", "tool_timeout", "tool_refused", "policy_block", "grant_block", "model_error",
        "model_refusal", "model_garbage", "data_mismatch", "precondition", "limit", "loop", "halted",
        "cancelled", "lost_worker", "bug",
    }  # fmt: skip
