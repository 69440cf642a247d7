"""The pages on which people sign in and look after their own account: those of the libraries, and what each asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orchestra.views.doors.rules import Door, Need

A: Final = "/accounts"
KEY: Final = f"{A}/2fa/webauthn/keys/<int:pk>"
PROVIDER: Final = rf"{A}/oidc/(?P<provider_id>[^/]+)/login"


def _both(need: Need, *addresses: str) -> Iterator[Door]:
    """A form: looking at it, and sending it."""
    return (Door(f"{A}/{address}/", method, need) for address in addresses for method in ("GET", "POST"))


def _read(need: Need, *addresses: str) -> Iterator[Door]:
    return (Door(f"{A}/{address}/", "GET", need) for address in addresses)


ACCOUNTS: Final = (
    *_both(Need.NOTHING, "login", "logout", "signup"),
    *_read(Need.NOTHING, "inactive", "3rdparty/login/cancelled"),
    *_read(
        Need.NOTHING, "social/login/cancelled", "social/login/error", "social/signup", "social/connections"
    ),
    # Nothing is sent by mail: what would lead on from a mail says who helps.
    *_read(Need.NEVER, "password/reset", "email"),
    *_read(Need.NOTHING, "password/reset/done", "password/reset/key/done"),
    *_read(Need.NOTHING, r"password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)"),
    *_read(Need.NOTHING, "confirm-email", r"confirm-email/(?P<key>[-:\w]+)"),
    # Only on the way in, between the password and what comes after it; everybody else is led to the beginning.
    *_both(Need.HALFWAY, "2fa/authenticate", "login/code/confirm", "2fa/webauthn/login"),
    *_both(Need.LINKING, "3rdparty/signup"),
    *_read(Need.FAILURE, "3rdparty/login/error"),
    *_both(Need.ACCOUNT, "reauthenticate", "2fa/reauthenticate", "2fa/webauthn/reauthenticate"),
    *_both(Need.ACCOUNT, "password/change", "password/set", "sessions", "3rdparty"),
    *_read(Need.ACCOUNT, "2fa", "2fa/webauthn"),
    *_both(Need.ACCOUNT, "2fa/totp/activate", "2fa/webauthn/add"),
    *_read(Need.FACTOR, "2fa/recovery-codes", "2fa/recovery-codes/download"),
    *_both(Need.FACTOR, "2fa/totp/deactivate"),
    *_both(Need.ACCOUNT, "2fa/recovery-codes/generate"),
    *(Door(f"{KEY}/{verb}/", method, Need.KEY) for verb in ("edit", "remove") for method in ("GET", "POST")),
    *(Door(f"{PROVIDER}/{part}", "GET", Need.PROVIDER) for part in ("", "callback/")),
)
