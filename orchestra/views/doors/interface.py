"""The operations of the HTTP API, and what each asks of the token that comes with it."""

from __future__ import annotations

from typing import Final

from orchestra.views.doors.rules import Door, Need

V1: Final = "/api/v1"
#: Whom the question of the matrix is asked of.
ASKED: Final = "operators"
TASKS: Final = (
    Door(f"{V1}/tasks", "POST", Need.RIGHT, "submit", scope="tasks:submit"),
    Door(f"{V1}/tasks", "GET", Need.ACCOUNT, scope="tasks:read"),
    Door(f"{V1}/tasks/<uuidstr:uid>", "GET", Need.RIGHT, "view", scope="tasks:read"),
)
RUNS: Final = (
    Door(f"{V1}/runs", "GET", Need.ACCOUNT, scope="runs:read"),
    Door(f"{V1}/runs/<uuidstr:uid>", "GET", Need.RIGHT, "view", scope="runs:read"),
    Door(f"{V1}/runs/<uuidstr:uid>/events", "GET", Need.RIGHT, "view", scope="runs:read"),
    *(
        Door(
            f"{V1}/runs/<uuidstr:uid>/{verb}",
            "POST",
            Need.RIGHT,
            "operate",
            scope="runs:operate",
        )
        for verb in ("cancel", "retry", "fork")
    ),
)
PROPOSALS: Final = (
    Door(f"{V1}/proposals", "GET", Need.ACCOUNT, scope="proposals:read", people=True),
    Door(f"{V1}/proposals/<uuidstr:uid>", "GET", Need.RIGHT, "view", scope="proposals:read", people=True),
    *(
        Door(
            f"{V1}/proposals/<uuidstr:uid>/{verb}",
            "POST",
            Need.RIGHT,
            "review",
            scope="proposals:decide",
            people=True,
        )
        for verb in ("approve", "reject", "changes", "edit")
    ),
    # About the person's own vote: one that was never given cannot be taken back.
    Door(
        f"{V1}/proposals/<uuidstr:uid>/withdraw",
        "POST",
        Need.RIGHT,
        "view",
        scope="proposals:decide",
        people=True,
    ),
)
QUESTIONS: Final = (
    Door(f"{V1}/questions", "GET", Need.ACCOUNT, scope="questions:read", people=True),
    Door(f"{V1}/questions/<uuidstr:uid>", "GET", Need.RIGHT, "view", scope="questions:read", people=True),
    Door(
        f"{V1}/questions/<uuidstr:uid>/answer",
        "POST",
        Need.RIGHT,
        "review",
        scope="questions:answer",
        people=True,
        group=ASKED,
    ),
)
TOKENS: Final = (
    Door(f"{V1}/tokens", "GET", Need.ACCOUNT, scope="tokens:manage"),
    Door(f"{V1}/tokens", "POST", Need.ACCOUNT, scope="tokens:manage"),
    Door(f"{V1}/tokens/<uuidstr:uid>", "DELETE", Need.OWN, scope="tokens:manage"),
    Door(f"{V1}/me", "GET", Need.ACCOUNT, scope=""),
)
OPERATIONS: Final = (*TASKS, *RUNS, *PROPOSALS, *QUESTIONS, *TOKENS, Door(f"{V1}/", "GET", Need.NEVER))
