"""The commands about the account: login, logout, whoami."""

from __future__ import annotations

import argparse
from typing import Any

from orchestra.client import account
from orchestra.client.account import Account
from orchestra.client.api import Client
from orchestra.client.refusals import ClientError
from orchestra.client.terminal import Terminal
from orchestra.client.transport import checked


def add(verbs: Any) -> None:
    """The parsers of these commands."""
    login = verbs.add_parser("login", help="keep the address of a server and a token for it")
    login.add_argument("address", help="like https://orchestra.example")
    login.add_argument("--insecure", action="store_true", help="allow plain http to another machine")
    login.set_defaults(run=_login, offline=True)
    verbs.add_parser("logout", help="forget both").set_defaults(run=_logout, offline=True)
    verbs.add_parser("whoami", help="who the token speaks for").set_defaults(run=_whoami, offline=False)


def _login(options: argparse.Namespace, terminal: Terminal) -> int:
    """The token comes from a prompt or through a pipe, never from the command line, which others can see."""
    address = checked(options.address, insecure=options.insecure)
    token = terminal.ask_secret(f"Token for {address} (make one at {address}/accounts/tokens/): ")
    if not token:
        raise ClientError("No token was given.")
    me = Client(address, token, insecure=options.insecure).me()
    place = account.save(Account(address, token, options.insecure), terminal.environment)
    terminal.say(
        f"Signed in as {me.holder} with {me.token.prefix}… until {me.token.expires_at:%Y-%m-%d %H:%M} UTC"
    )
    terminal.warn(f"kept in {place}")
    return 0


def _logout(_options: argparse.Namespace, terminal: Terminal) -> int:
    terminal.say(
        "Forgotten. Revoke the token as well if nobody uses it any more."
        if account.forget(terminal.environment)
        else "There was nothing to forget."
    )
    return 0


def _whoami(_options: argparse.Namespace, terminal: Terminal, client: Client) -> int:
    me = client.me()
    terminal.say(
        f"{me.holder} ({me.holder.kind} {me.holder.name})",
        f"token  {me.token.name} ({me.token.prefix}…) until {me.token.expires_at:%Y-%m-%d %H:%M} UTC",
        f"scopes {', '.join(me.token.scopes)}",
    )
    terminal.say(*(f"submits to {place}" for place in me.submits_to))
    return 0
