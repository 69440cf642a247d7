"""The pages of people, and what each asks. The crawler in tests/walls goes through every one, in every role."""

from __future__ import annotations

from typing import Final

from orchestra.views.doors.rules import Door, Need

PUBLIC: Final = (
    Door("/", "GET", Need.NOTHING),
    Door("/favicon.ico", "GET", Need.NOTHING),
    Door("/healthz", "GET", Need.NOTHING),
    Door("/readyz", "GET", Need.NOTHING),
    Door("/metrics", "GET", Need.MACHINE),
    Door("/preferences/", "POST", Need.NOTHING),
)
REVIEWS: Final = (
    Door("/reviews/", "GET", Need.PERSON),
    Door("/reviews/<uuid:uid>/", "GET", Need.RIGHT, "view"),
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
    Door("/halts/set/", "POST", Need.RIGHT, "halt"),
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
REST: Final = (
    Door("/overview/", "GET", Need.PERSON),
    Door("/deliveries/", "GET", Need.PERSON),
    Door("/deliveries/<uuid:uid>/resend/", "POST", Need.RIGHT, "configure or operate"),
)
PAGES: Final = (*PUBLIC, *REVIEWS, *RUNS, *HALTS)
