"""What staff may do to each kind of row in the administration. What happened is only read there, by superusers too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Staff in one of the seeded groups, and superusers.
WHO: Final = ("admins", "auditors", "superuser")
_SET_UP: Final = ("view add change", "view", "view add change")
_WORKING: Final = ("view add change delete", "view", "view add change delete")
_PUBLISHED: Final = ("view", "view", "view")
_RECORDED: Final = ("", "view", "view")
_OF_SIGN_IN: Final = ("view delete", "view", "view delete")

#: What happened: nobody adds, changes or deletes it there.
HAPPENED: Final = (
    "approval", "auditevent", "auditseal", "dispatch", "humantask", "outboxmessage", "proposal", "ruling", "run", "step",
    "task", "toolcall", "turn", "webhookdelivery",
)  # fmt: skip


def _own(*names: str) -> list[str]:
    """Labels of models of ours."""
    return [f"orchestra.{name}" for name in names]


MODELS: Final[Mapping[str, tuple[str, str, str]]] = {
    **dict.fromkeys(_own(*HAPPENED), _RECORDED),
    **dict.fromkeys(
        [
            "auth.group",
            *_own("budget", "environment", "person", "serviceaccount", "toolbinding", "user", "webhook"),
        ],
        _SET_UP,
    ),
    **dict.fromkeys(_own("draft", "grant", "routingrule"), _WORKING),
    # Versions come by publishing alone, halts have their own page, and tokens are made and revoked, never edited.
    **dict.fromkeys(_own("apitoken", "halt", "policy", "tool", "workflow"), _PUBLISHED),
    # A deployment is born by publishing; what may be changed is asked of the rights on it.
    **dict.fromkeys(_own("agent", "deployment"), ("view change", "view", "view change")),
    **dict.fromkeys(
        ("mfa.authenticator", "socialaccount.socialaccount", "usersessions.usersession"), _OF_SIGN_IN
    ),
}
