"""Sets and lifts halts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from orchestra.engine import cancel, halt
from orchestra.engine.connections import borrow
from orchestra.errors import NotFound
from orchestra.management.base import OrchestraCommand, person, person_option, uid
from orchestra.models import Deployment, Halt, Scope


class Command(OrchestraCommand):
    """halt on | lift UID | list: stop everything, one deployment (WORKFLOW@ENVIRONMENT) or one run."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command for each verb."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        setting = verbs.add_parser("on", help="Stop; needs neither Redis nor workers.")
        target = setting.add_mutually_exclusive_group(required=True)
        target.add_argument("--everything", action="store_true")
        target.add_argument("--deployment", metavar="WORKFLOW@ENVIRONMENT")
        target.add_argument("--run", type=uid)
        lifting = verbs.add_parser("lift", help="Let go again.")
        lifting.add_argument("uid", type=uid)
        for verb in (setting, lifting):
            person_option(verb)
            verb.add_argument("--reason", required=True)
        verbs.add_parser("list", help="Halts that are on.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says."""
        for line in {"on": _set, "lift": _lift, "list": _list}[options["verb"]](options):
            self.stdout.write(line)


def _set(options: dict[str, Any]) -> Iterator[str]:
    by, reason = person(options), options["reason"]
    if options["everything"]:
        made = halt.set_on(Scope.GLOBAL, by=by, reason=reason)
    elif options["deployment"]:
        made = halt.set_on(
            Scope.DEPLOYMENT, by=by, reason=reason, deployment=_deployment(options["deployment"])
        )
    else:
        with borrow():
            run = cancel.lock(options["run"])
        made = halt.set_on(Scope.RUN, by=by, reason=reason, run=run)
    yield f"{made.uid} on"
    for run in halt.under_way(made)[:100]:
        yield f"in flight: run {run.uid}"


def _lift(options: dict[str, Any]) -> Iterator[str]:
    made = halt.lift(uid=options["uid"], by=person(options), reason=options["reason"])
    yield f"{made.uid} lifted"


def _list(_options: dict[str, Any]) -> Iterator[str]:
    for row in Halt.objects.filter(state="on").select_related("set_by", "deployment", "run").order_by("pk"):
        where = row.deployment or row.run or "everything"
        yield f"{row.uid}  {row.scope:<10} {where}  since {row.created_at:%Y-%m-%d %H:%M} by {row.set_by}: {row.reason}"


def _deployment(text: str) -> Deployment:
    workflow, at, environment = text.partition("@")
    if not at:
        raise CommandError("--deployment wants WORKFLOW@ENVIRONMENT.")
    found = Deployment.objects.filter(workflow__name=workflow, environment__name=environment).first()
    if found is None:
        raise NotFound(f"Workflow {workflow} is not deployed in {environment}.")
    return found
