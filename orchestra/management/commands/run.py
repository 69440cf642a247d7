"""Looks at runs, cancels and forks them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser
from django.db.models import QuerySet

from orchestra import states
from orchestra.engine import cancel, fork
from orchestra.engine.connections import now
from orchestra.errors import NotFound
from orchestra.management import conversation
from orchestra.management.base import OrchestraCommand, count, person, person_option, uid
from orchestra.models import AuditEvent, HumanTask, Run, Step
from orchestra.runs import facts, why


class Command(OrchestraCommand):
    """run list | show UID | talk UID | cancel UID | fork UID: what runs are doing, and how to stop or repeat them."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command for each verb."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="The newest runs.")
        listing.add_argument("--state", choices=list(states.RUN.states))
        listing.add_argument("--workflow")
        listing.add_argument("--limit", type=count, default=20)
        verbs.add_parser("show", help="One run: steps, open questions, history.").add_argument(
            "uid", type=uid
        )
        verbs.add_parser("talk", help="What its agents heard, said, did and were told.").add_argument(
            "uid", type=uid
        )
        for verb, what in (("cancel", "End it when what is in flight has settled."), ("fork", "A new run.")):
            parser_of_verb = verbs.add_parser(verb, help=what)
            parser_of_verb.add_argument("uid", type=uid)
            person_option(parser_of_verb)
            parser_of_verb.add_argument("--reason", default="by command")
            if verb == "fork":
                parser_of_verb.add_argument(
                    "--from", dest="checkpoint", type=int, required=True, help="Checkpoint."
                )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says."""
        for line in getattr(self, f"_{options['verb']}")(options):
            self.stdout.write(line)

    def _list(self, options: dict[str, Any]) -> Iterator[str]:
        rows = Run.objects.select_related("deployment__workflow", "deployment__environment").order_by("-pk")
        if options["state"]:
            rows = rows.filter(state=options["state"])
        if options["workflow"]:
            rows = rows.filter(deployment__workflow__name=options["workflow"])
        for run in rows[: options["limit"]]:
            yield f"{run.uid}  {run.state:<10} {run.created_at:%Y-%m-%d %H:%M:%S}  {run.deployment}"

    def _show(self, options: dict[str, Any]) -> Iterator[str]:
        rows = Run.objects.select_related(
            "deployment__workflow", "deployment__environment", "version__workflow"
        )
        run = _found(rows, options["uid"])
        yield f"run {run.uid}  {run.state}  {run.deployment}  {run.version}"
        if (reason := why.of(run, now())) is not None:
            yield f"  {reason.sentence}"
        if run.error:
            yield f"  {run.failure_class}: {run.error}"
        yield from _steps(run)
        for question in HumanTask.objects.filter(run=run, state="open").select_related("group"):
            yield f"  asks {question.group.name}: {question.title}  (manage.py question answer {question.uid})"
        for event in AuditEvent.objects.filter(chain=run.uid).order_by("seq"):
            yield f"  {event.at:%H:%M:%S.%f}  {event.subject}: {event.source or 'born'} > {event.target}  {event.reason}"

    def _talk(self, options: dict[str, Any]) -> Iterator[str]:
        yield from conversation.lines(_found(Run.objects.all(), options["uid"]))

    def _cancel(self, options: dict[str, Any]) -> Iterator[str]:
        run = cancel.request(uid=options["uid"], by=person(options), reason=options["reason"])
        yield f"{run.uid} {run.state}" if run.state == "cancelled" else f"{run.uid} is being cancelled"

    def _fork(self, options: dict[str, Any]) -> Iterator[str]:
        made = fork.run(
            uid=options["uid"], checkpoint=options["checkpoint"], by=person(options), reason=options["reason"]
        )
        yield str(made.uid)


def _found(rows: QuerySet[Run], wanted: UUID) -> Run:
    run = rows.filter(uid=wanted).first()
    if run is None:
        raise NotFound(f"There is no run {wanted}.")
    return run


def _steps(run: Run) -> Iterator[str]:
    for step in map(facts.fact, Step.objects.filter(run=run).order_by("ordinal")):
        told = f"  {step.failure}: {step.error}" if step.failure else ""
        yield f"  {step.ordinal:>4}  {step.name:<30} {step.state:<10} attempt {step.attempt}{told}"
