"""What the pages of one's own account and those of the administration are asked for: the things behind their addresses.

Keys are made by asking: the crawler asks inside what it takes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from allauth.mfa.models import Authenticator

from orchestra.models import AgentVersion, Draft, Policy, ServiceAccount, Tool, User
from orchestra.views.doors.accounts import KEY, PROVIDER, A
from tests import factories
from tests.walls.forms import Part
from tests.walls.stage import FOREIGN, Place

ROWS: Final = "/admin/orchestra"


def _version(kind: str) -> str:
    return f"{ROWS}/{kind}/<int:key>/v<int:number>/"


def _row(of: Any) -> dict[str, int]:
    return {"key": of.pk}


def _agent(*_: object) -> dict[str, int]:
    version = AgentVersion.objects.order_by("pk")[0]
    return {"key": version.agent_id, "number": version.number}


def _draft(place: Place, _: str) -> dict[str, int]:
    return _row(Draft.objects.get(kind="policy", name=place.policy))


def _key(place: Place, role: str) -> dict[str, int]:
    """A key of the role's own account where the place is its own, else of somebody else's."""
    foreign = place.deployment.workflow.name == FOREIGN
    account = None if foreign else User.objects.filter(username=f"{role}-account").first()
    account = account or factories.user(factories.person())
    data = {"name": "a key", "credential": {}}
    return {"pk": Authenticator.objects.create(user=account, type="webauthn", data=data).pk}


PARTS: Final[Mapping[str, Part]] = {
    **{f"{KEY}/{verb}/": _key for verb in ("edit", "remove")},
    **{f"{PROVIDER}/{part}": lambda *_: {"provider_id": "nobody"} for part in ("", "callback/")},
    rf"{A}/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/": lambda *_: {
        "uidb36": "1",
        "key": "x-y",
    },
    rf"{A}/confirm-email/(?P<key>[-:\w]+)/": lambda *_: {"key": "x"},
    _version("workflow"): lambda place, _: {"key": place.deployment.workflow_id, "number": 1},
    _version("policy"): lambda place, _: {"key": Policy.objects.get(name=place.policy).pk, "number": 1},
    _version("tool"): lambda *_: {"key": Tool.objects.get(name="refund").pk, "number": 1},
    _version("agent"): _agent,
    **{f"{ROWS}/draft/<int:key>/{verb}/": _draft for verb in ("look", "publish")},
    **{
        f"{ROWS}/environment/<int:key>/{verb}/": lambda place, _: _row(place.deployment.environment)
        for verb in ("confirm", "discard")
    },
    **{
        f"{ROWS}/deployment/<int:key>/{verb}/": lambda place, _: _row(place.deployment)
        for verb in ("confirm", "discard", "rights")
    },
    f"{ROWS}/serviceaccount/<int:key>/token/": lambda *_: _row(ServiceAccount.objects.first()),
    f"{ROWS}/apitoken/<int:key>/revoke/": lambda place, role: _row(place.token(role)),
}
