"""From text to a checked workflow: shape, meaning and ends, all problems at once, each with its line.

Refuses to publish or to store: that is `engine.publish`.
"""

from __future__ import annotations

from orchestra.documents.envelopes import Envelope, envelopes, refuse
from orchestra.documents.report import Report
from orchestra.workflows import build, checks, scopes, shape
from orchestra.workflows.checks import Known
from orchestra.workflows.spec import WorkflowSpec

KIND = "workflow"


def parse(text: str, *, known: Known | None = None) -> WorkflowSpec:
    """The one workflow of a file. Raises Invalid with every problem found."""
    found = envelopes(text)
    if len(found) != 1:
        refuse([found[1].problem(f"the file holds {len(found)} documents; one workflow is expected here")])
    return workflow(found[0], known=known)


def workflow(envelope: Envelope, *, known: Known | None = None) -> WorkflowSpec:
    """The workflow of one document of a file. Raises Invalid with every problem found."""
    if envelope.kind != KIND:
        refuse([envelope.problem(f"kind is {envelope.kind!r}; a workflow is expected here", "kind")])
    report = Report(envelope)
    shape.check(report)
    spec = build.workflow(report)
    scopes.check(spec, report)
    checks.run(spec, report, known or Known())
    if report.problems:
        refuse(report.problems)
    return spec
