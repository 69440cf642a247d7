"""What staff may do to each kind of row in the administration. What happened is only read there, by superusers too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orchestra.views.doors.rules import Answer, Door, Need

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


def _group(who: str) -> frozenset[str]:
    """The permissions of one group, as Django names them."""
    column = WHO.index(who)
    found = ([*kind.split("."), verbs[column]] for kind, verbs in MODELS.items())
    return frozenset(f"{app}.{verb}_{name}" for app, name, verbs in found for verb in verbs.split())


def _to(verb: str, kind: str) -> str:
    """A permission, as Django names it."""
    return f"orchestra.{verb}_{kind}"


#: Tokens are shown, made and revoked on pages of their own.
PERMISSIONS: Final[Mapping[str, frozenset[str]]] = {
    "admins": _group("admins") | {_to("add", "apitoken"), _to("change", "apitoken")},
    "auditors": _group("auditors"),
}
_PLACE: Final = "/admin/orchestra/{}/<int:key>/{}/"


def _versions(kind: str) -> Door:
    """The text of a version: who may not see definitions is told of none."""
    address = f"/admin/orchestra/{kind}/<int:key>/v<int:number>/"
    return Door(address, "GET", Need.STAFF, _to("view", kind), Answer.HIDDEN)


#: Pages that do not follow from the kind of row.
DESK: Final = (
    Door("/admin/", "GET", Need.STAFF),
    *(_versions(kind) for kind in ("workflow", "policy", "tool", "agent")),
    Door(_PLACE.format("draft", "look"), "GET", Need.STAFF, _to("view", "draft")),
    # Whoever reads a draft may ask; whether they may publish it there is said on its page, and nothing changes.
    Door(_PLACE.format("draft", "publish"), "POST", Need.STAFF, _to("view", "draft")),
    *(
        Door(_PLACE.format("environment", verb), "POST", Need.STAFF, _to("change", "environment"))
        for verb in ("confirm", "discard")
    ),
    *(
        Door(_PLACE.format("deployment", verb), "POST", Need.DESK, "configure")
        for verb in ("confirm", "discard")
    ),
    Door(_PLACE.format("deployment", "rights"), "GET", Need.DESK, "view"),
    Door(_PLACE.format("deployment", "rights"), "POST", Need.DESK, "configure"),
    *(
        Door(_PLACE.format("serviceaccount", "token"), method, Need.STAFF, _to("add", "apitoken"))
        for method in ("GET", "POST")
    ),
    Door(_PLACE.format("apitoken", "revoke"), "POST", Need.STAFF, _to("change", "apitoken")),
)
