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
PAGES: Final = (*PUBLIC, *REVIEWS)
