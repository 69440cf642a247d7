"""The commands of requesters and operators: submit, follow, runs, cancel."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from orchestra.client.api import Client
from orchestra.client.refusals import ApiError, ClientError
from orchestra.client.shapes import Event
from orchestra.client.terminal import Terminal

#: What the end of a run is as an exit code.
ENDS: Final[Mapping[str, int]] = {"succeeded": 0, "failed": 1, "cancelled": 3}
NOT_ENDED: Final = 6


def add(verbs: Any) -> None:
    """The parsers of these commands."""
    _submit_parser(verbs.add_parser("submit", help="submit a task"))
    follow = verbs.add_parser("follow", help="show what happens in a run until it ends")
    follow.add_argument("uid", help="of a run, or of a task: then of its newest run")
    follow.add_argument("--quiet", action="store_true", help="only the end")
    follow.add_argument(
        "--for", dest="patience", type=_seconds, metavar="SECONDS", help="give up after so long"
    )
    follow.set_defaults(run=_follow, offline=False)
    runs = verbs.add_parser("runs", help="list runs, the newest first")
    runs.add_argument("q", nargs="?", default="", help="an id, a reference, or words of a subject")
    runs.add_argument("--state", default="", help="a state, or live, or ended")
    runs.set_defaults(run=_runs, offline=False)
    cancel = verbs.add_parser("cancel", help="ask for the end of a run")
    cancel.add_argument("uid")
    cancel.add_argument("--reason", required=True)
    cancel.set_defaults(run=_cancel, offline=False)


def _submit_parser(submit: argparse.ArgumentParser) -> None:
    submit.add_argument("workflow", nargs="?", default="", help="without one the routing rules choose")
    submit.add_argument("--environment", "-e", default="")
    submit.add_argument("--input", "-i", default="{}", help="JSON, @FILE, or - for standard input")
    submit.add_argument("--subject", default="", help="what it is about, for people")
    submit.add_argument("--reference", default="", help="your own number")
    submit.add_argument("--label", action="append", default=[], metavar="NAME=VALUE")
    submit.add_argument("--priority", type=int, default=0, help="-100 to 100; higher goes first")
    submit.add_argument("--key", help="idempotency key: the same key and input give the same task")
    submit.add_argument(
        "--wait", type=_seconds, default=0, metavar="SECONDS", help="wait so long for the end"
    )
    submit.set_defaults(run=_submit, offline=False)


def _submit(options: argparse.Namespace, terminal: Terminal, client: Client) -> int:
    more: dict[str, Any] = {
        name: getattr(options, name) for name in ("subject", "reference") if getattr(options, name)
    }
    if options.label:
        more["labels"] = dict(_label(text) for text in options.label)
    if options.priority:
        more["priority"] = options.priority
    task = client.submit(
        _input(options.input, terminal),
        workflow=options.workflow,
        environment=options.environment,
        key=options.key,
        **more,
    )
    terminal.say(task.uid)
    if task.run is None or not options.wait:
        return 0
    return _watch(task.run.uid, terminal, client, quiet=True, patience=options.wait)


def _follow(options: argparse.Namespace, terminal: Terminal, client: Client) -> int:
    return _watch(
        _run_of(options.uid, client), terminal, client, quiet=options.quiet, patience=options.patience
    )


def _watch(uid: str, terminal: Terminal, client: Client, *, quiet: bool, patience: float | None) -> int:
    """Show what happens until the run has ended, or the patience has."""
    ended = False
    for found in client.follow(uid, patience=patience):
        ended = found.ended
        if not quiet:
            terminal.say(*(_event(event) for event in found.items))
    if ended:
        return _outcome(uid, terminal, client)
    terminal.warn(client.run(uid).why)
    return NOT_ENDED


def _outcome(uid: str, terminal: Terminal, client: Client) -> int:
    run = client.run(uid)
    terminal.say(f"{run.state}: {run.error}" if run.error else run.state)
    if run.output is not None:
        terminal.say(json.dumps(run.output, indent=2, ensure_ascii=False))
    return ENDS.get(run.state, NOT_ENDED)


def _runs(options: argparse.Namespace, terminal: Terminal, client: Client) -> int:
    page = client.runs(q=options.q, state=options.state)
    terminal.say(*(f"{run.uid}  {run.state:<10} {run.place}  {run.subject}" for run in page.items))
    if page.next:
        terminal.warn("there are more; narrow the search")
    return 0


def _cancel(options: argparse.Namespace, terminal: Terminal, client: Client) -> int:
    run = client.cancel(_run_of(options.uid, client), reason=options.reason)
    terminal.say(run.state if run.finished_at else f"{run.state}, it ends when what is in flight has settled")
    return 0


def _run_of(uid: str, client: Client) -> str:
    """A run by its id, or the newest run of a task."""
    try:
        return client.run(uid).uid
    except ApiError as error:
        if error.code != "not-found":
            raise
    task = client.task(uid)
    if task.run is None:
        raise ClientError("This task has no run.")
    return task.run.uid


def _event(event: Event) -> str:
    moved = f"{event.source or 'new'} to {event.target}" if event.source != event.target else event.target
    return f"{event.at:%H:%M:%S}  {event.subject}: {moved}  {event.reason} ({event.actor})"


def _input(text: str, terminal: Terminal) -> dict[str, Any]:
    try:
        if text == "-":
            text = terminal.given.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
        given = json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ClientError(f"{text[1:]} cannot be read: {error}") from None
    except ValueError as error:
        raise ClientError(f"The input is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise ClientError("The input is one JSON object.")
    return given


def _label(text: str) -> tuple[str, str]:
    name, divided, value = text.partition("=")
    if not (name and divided):
        raise ClientError(f"{text!r} is no NAME=VALUE.")
    return name, value


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1
    if not 0 < found < 10**7:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds.")
    return found
