"""The pages of people, and what each asks. The crawler in tests/walls goes through every one, in every role."""

from __future__ import annotations

from typing import Final

from orchestra.views.doors.rules import Answer, Door, Need

PUBLIC: Final = (
    Door("/", "GET", Need.NOTHING),
    Door("/favicon.ico", "GET", Need.NOTHING),
    Door("/healthz", "GET", Need.NOTHING),
    Door("/readyz", "GET", Need.NOTHING),
    Door("/metrics", "GET", Need.MACHINE),
    Door("/preferences/", "POST", Need.NOTHING),
    Door("/api/docs", "GET", Need.NOTHING),
    Door("/api/problems/<slug:code>", "GET", Need.NOTHING),
    Door("/api/v1/openapi.json", "GET", Need.NOTHING),
)
REVIEWS: Final = (
    Door("/reviews/", "GET", Need.PERSON),
    Door("/reviews/news", "GET", Need.PERSON),
    Door("/reviews/undo/", "POST", Need.PERSON),
    # Of several, each is asked for by itself: the page says which of them the person may not decide.
    Door("/reviews/bulk/", "GET", Need.RIGHT, "view"),
    Door("/reviews/bulk/", "POST", Need.RIGHT, "review"),
    Door("/reviews/questions/<uuid:uid>/", "GET", Need.RIGHT, "view"),
    Door("/reviews/questions/<uuid:uid>/", "POST", Need.RIGHT, "review", group="operators"),
    Door("/reviews/<uuid:uid>/", "GET", Need.RIGHT, "view"),
    Door("/reviews/<uuid:uid>/conversation/", "GET", Need.RIGHT, "view"),
    Door("/reviews/<uuid:uid>/value/", "GET", Need.RIGHT, "view"),
    Door("/reviews/<uuid:uid>/print/", "GET", Need.RIGHT, "view"),
    Door("/reviews/<uuid:uid>/edit/", "GET", Need.RIGHT, "review"),
    Door("/reviews/<uuid:uid>/edit/", "POST", Need.RIGHT, "review"),
    # About the person's own vote: one that was never given cannot be taken back.
    Door("/reviews/<uuid:uid>/withdraw/", "POST", Need.RIGHT, "view"),
    Door("/reviews/<uuid:uid>/claim/", "POST", Need.RIGHT, "review"),
    Door("/reviews/<uuid:uid>/<str:verb>/", "POST", Need.RIGHT, "review"),
)
RUNS: Final = (
    Door("/runs/", "GET", Need.PERSON),
    Door("/runs/<uuid:uid>/", "GET", Need.RIGHT, "view"),
    *(
        Door(f"/runs/<uuid:uid>/{verb}/", method, Need.RIGHT, "operate")
        for verb in ("cancel", "retry", "fork")
        for method in ("GET", "POST")
    ),
)
HALTS: Final = (
    Door("/halts/", "GET", Need.PERSON),
    Door("/halts/set/", "POST", Need.RIGHT, "halt", unseen=Answer.LET_IN),
    Door("/halts/<uuid:uid>/", "GET", Need.RIGHT, "view"),
    Door("/halts/<uuid:uid>/lift/", "POST", Need.RIGHT, "halt"),
)
POLICIES: Final = (
    Door("/policies/", "GET", Need.PERSON),
    Door("/policies/try/", "GET", Need.SOMEWHERE, "view", Answer.HIDDEN),
    Door("/policies/try/", "POST", Need.SOMEWHERE, "view", Answer.HIDDEN),
    Door("/policies/<slug:name>/", "GET", Need.RIGHT, "view"),
    Door("/policies/<slug:name>/diff/", "GET", Need.RIGHT, "view"),
)
TASKS: Final = (
    Door("/tasks/", "GET", Need.PERSON),
    Door("/tasks/read/", "POST", Need.PERSON),
    Door("/tasks/new/", "GET", Need.PERSON),
    Door("/tasks/new/<uuid:uid>/", "GET", Need.RIGHT, "submit"),
    Door("/tasks/new/<uuid:uid>/", "POST", Need.RIGHT, "submit"),
    Door("/tasks/<uuid:uid>/", "GET", Need.RIGHT, "view"),
    Door("/tasks/<uuid:uid>/news", "GET", Need.RIGHT, "view"),
    Door("/tasks/<uuid:uid>/read/", "POST", Need.RIGHT, "view"),
    Door("/tasks/<uuid:uid>/cancel/", "POST", Need.RIGHT, "operate"),
)
TOKENS: Final = (
    Door("/accounts/tokens/", "GET", Need.PERSON),
    Door("/accounts/tokens/", "POST", Need.PERSON),
    Door("/accounts/tokens/<uuid:uid>/revoke/", "POST", Need.OWN),
)
REST: Final = (
    Door("/overview/", "GET", Need.PERSON),
    Door("/deliveries/", "GET", Need.PERSON),
    Door("/deliveries/<uuid:uid>/resend/", "POST", Need.RIGHT, "configure or operate"),
)
PAGES: Final = (*PUBLIC, *REVIEWS, *RUNS, *HALTS, *POLICIES, *TASKS, *TOKENS, *REST)
