"""Makes runs: from a task, or as the child of another run. Chooses the version and freezes the limits."""

from __future__ import annotations

import random
from dataclasses import asdict

from django.db.models.functions import Now

from orchestra import canonical, expressions, schemas
from orchestra.canonical import Json
from orchestra.engine import claim, settling
from orchestra.engine.flight import Failure, Flight
from orchestra.errors import BudgetExceeded, FailureClass, Invalid, NotFound, OrchestraError
from orchestra.models import Deployment, Run
from orchestra.workflows.spec import Limits, WorkflowSpec

LONGEST_KEY = 200
#: Workflows that run each other would otherwise never end.
DEEPEST = 8


def prepare(run: Run, deployment: Deployment, given: object) -> Run:
    """Fill in a new run of a deployment: version, input, limits, object key. Raises Invalid for a bad input."""
    run.deployment = deployment
    run.version_id = choose_version(deployment, random.random())
    spec = claim.spec_of(run.version_id)
    run.input = accept(spec, given)
    run.limits = limits(spec.limits)
    run.priority = run.priority or spec.priority
    run.object_key = _object_key(spec, run.input)
    run.due_at = Now()
    return run


def prepare_children(flight: Flight) -> bool:
    """Fill in the child runs that a flight wants to start. A child that cannot be made fails its step: then True."""
    failed = False
    for child in list(flight.starts):
        try:
            _child(flight.run, child.run, child.workflow)
        except OrchestraError as error:
            failed = True
            flight.ending = None
            flight.unplan(child.node)
            wrong = FailureClass.DATA_MISMATCH if isinstance(error, Invalid) else FailureClass.PRECONDITION
            settling.fail(flight, child.node, Failure(wrong, error.message))
    return failed


def _child(parent: Run, child: Run, name: str) -> None:
    """In the deployment of its workflow in the parent's environment."""
    if _depth(parent) >= DEEPEST:
        raise Invalid(f"Runs start runs {DEEPEST} deep already: do these workflows run each other?")
    deployment = (
        Deployment.objects.select_related("environment")
        .filter(workflow__name=name, environment_id=parent.deployment.environment_id)
        .first()
    )
    if deployment is None:
        raise NotFound(f"Workflow {name} is not deployed in {parent.deployment.environment.name}.")
    child.request_id, child.traceparent = parent.request_id, parent.traceparent
    prepare(child, deployment, child.input)


def _depth(run: Run) -> int:
    """How many runs are above this one; counted no further than it matters."""
    above, found = run.parent_run_id, 0
    while above is not None and found < DEEPEST:
        above = Run.objects.values_list("parent_run_id", flat=True).get(pk=above)
        found += 1
    return found


def choose_version(deployment: Deployment, chance: float) -> int:
    """The base version, or for its share of new runs the canary; `chance` in [0, 1)."""
    if deployment.canary_version_id is not None and chance * 100 < deployment.canary_share:
        return deployment.canary_version_id
    return deployment.base_version_id


def accept(spec: WorkflowSpec, given: object) -> Json:
    """The input as it is kept. Raises Invalid with every problem, BudgetExceeded when it cannot fit."""
    kept = canonical.check(given)
    size = len(canonical.encode(kept))
    if size > spec.limits.payload:
        raise BudgetExceeded(f"The input has {size} bytes; {spec.name} allows {spec.limits.payload}.")
    schemas.compile(spec.input_schema).check(kept)
    return kept


def limits(limits_: Limits) -> dict[str, Json]:
    """The limits as the run keeps them; a person can raise them later."""
    return dict(asdict(limits_))


def _object_key(spec: WorkflowSpec, given: Json) -> str:
    if spec.object_key is None:
        return ""
    found = str(expressions.resolve(spec.object_key, {"input": given}))
    if len(found) > LONGEST_KEY:
        raise Invalid(f"The object key is longer than {LONGEST_KEY} characters.")
    return found
