"""The command `orchestra`: reads the command line, does one thing, and ends with an exit code that scripts can use."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from orchestra.client import asking, deciding, signing
from orchestra.client.account import load
from orchestra.client.api import Client
from orchestra.client.refusals import ApiError, ClientError, Unreachable
from orchestra.client.terminal import Terminal

ABOUT: Final = "Submit tasks to Orchestra, follow them, and decide what waits for you."
CODES: Final = """\
exit codes: 0 done, or the run succeeded; 1 the run failed; 2 wrong use; 3 the run was cancelled; 4 refused;
5 no answer; 6 not ended in time
"""
REFUSED, NO_ANSWER, INTERRUPTED = 4, 5, 130


def main(arguments: Sequence[str] | None = None, terminal: Terminal | None = None) -> int:
    """Do what the command line says; the exit code."""
    shown = terminal or Terminal(dict(os.environ))
    options = parser().parse_args(arguments)
    try:
        if options.offline:
            return int(options.run(options, shown))
        account = load(shown.environment)
        client = Client(account.address, account.token, insecure=account.insecure)
        return int(options.run(options, shown, client))
    except ApiError as error:
        _explain(error, shown)
        return REFUSED
    except Unreachable as error:
        shown.warn(f"orchestra: {error}")
        return NO_ANSWER
    except ClientError as error:
        shown.warn(f"orchestra: {error}")
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED


def run() -> NoReturn:
    """As a program."""
    sys.exit(main())


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    made = argparse.ArgumentParser(
        prog="orchestra",
        description=ABOUT,
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = made.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    for part in (signing, asking, deciding):
        part.add(verbs)
    return made


def _explain(error: ApiError, terminal: Terminal) -> None:
    terminal.warn(f"orchestra: {error.detail or error.title} ({error.code})")
    if len(error.problems) > 1 or (error.problems and error.problems[0].detail not in error.detail):
        terminal.warn(*(f"  {each.pointer or 'all'}: {each.detail}" for each in error.problems))
    if error.status >= 500:
        terminal.warn(f"  request {error.request_id}")
