"""Makes the questions that the engine asks of people: forms of human steps, and escalations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from orchestra.canonical import Json
from orchestra.engine.flight import Ask, Failure, Flight, Node
from orchestra.models import HumanTask, Question, ToolCall
from orchestra.workflows.spec import StepSpec

LONGEST_TITLE = 300

NOTE = {"type": "string", "maxLength": 2000, "description": "Why, for the record."}

STEP_FORM: Mapping[str, Any] = {
    "type": "object",
    "required": ["action"],
    "additionalProperties": False,
    "properties": {
        "action": {
            "enum": ["retry", "output", "fail", "cancel"],
            "description": "Try it again, give its output, let it fail, or cancel the run.",
        },
        "output": {"description": "With action output: what the step should have given."},
        "note": NOTE,
    },
    "if": {"properties": {"action": {"const": "output"}}},
    "then": {"required": ["output"]},
}

RUN_FORM: Mapping[str, Any] = {
    "type": "object",
    "required": ["action"],
    "additionalProperties": False,
    "properties": {
        "action": {
            "enum": ["continue", "fail", "cancel"],
            "description": "Go on with as much again, let the run fail, or cancel it.",
        },
        "note": NOTE,
    },
}


UNKNOWN_FORM: Mapping[str, Any] = {
    "type": "object",
    "required": ["happened", "note"],
    "additionalProperties": False,
    "properties": {
        "happened": {"type": "boolean", "description": "Whether it happened in the other system."},
        "result": {"description": "What the system would have answered, for the steps that follow."},
        "note": {**NOTE, "minLength": 1, "description": "How you found out, for the record."},
    },
}


def form(flight: Flight, node: Node, step: StepSpec, title: Json) -> None:
    """Ask what a human step asks."""
    question = _question(flight, Question.FORM, str(title))
    question.form = dict(step.settings["form"])
    if step.timeout is not None:
        question.expires_at = flight.clock() + timedelta(seconds=step.timeout)
    question.context = {"step": node.path, "item": node.item, "given": node.input}
    flight.asks.append(Ask(question, str(step.settings["group"]), node))


def escalate_step(flight: Flight, node: Node, failure: Failure) -> None:
    """Ask the owner what to do about a step that failed."""
    question = _question(flight, Question.ESCALATION, f"{node.path} failed: {failure.message}")
    question.form = _step_form([route.to for route in flight.spec.by_name[node.name].routes])
    question.context = {
        "step": node.path,
        "item": node.item,
        "failure_class": str(failure.failure_class),
        "error": failure.message,
        "attempts": node.attempt,
    }
    if failure.ended:
        question.context["ended"] = failure.ended
    flight.asks.append(Ask(question, flight.spec.owner, node))


def unknown(flight: Flight, node: Node, call: ToolCall, sent: Mapping[str, Any]) -> HumanTask:
    """Ask whether a call happened of which no answer came; `sent` is what helps to find out."""
    said = sent.get("sentence") or call.tool_name
    question = _question(flight, Question.UNKNOWN, f"Did this happen? {said}")
    question.form = dict(UNKNOWN_FORM)
    question.toolcall = call
    question.context = {"step": node.path, "item": node.item, **sent}
    return question


def _step_form(ways: list[str]) -> dict[str, Any]:
    """The output that a person gives for a route step is one of its ways."""
    if not ways:
        return dict(STEP_FORM)
    way = {"type": "object", "required": ["to"], "additionalProperties": False}
    way |= {"properties": {"to": {"enum": list(dict.fromkeys(ways))}}}
    return {**STEP_FORM, "properties": {**STEP_FORM["properties"], "output": way}}


def escalate_run(flight: Flight, limit: str, failure: Failure) -> None:
    """Stop the run where it stands and ask the owner; `limit` names what was reached, or is empty."""
    question = _question(flight, Question.ESCALATION, failure.message)
    question.form = dict(RUN_FORM)
    question.context = {
        "limit": limit,
        "failure_class": str(failure.failure_class),
        "error": failure.message,
        "tried": sorted({node.path for node in flight.nodes.values() if node.begun})[:100],
    }
    flight.asks.append(Ask(question, flight.spec.owner, None))


def _question(flight: Flight, kind: Question, title: str) -> HumanTask:
    return HumanTask(
        kind=kind,
        run=flight.run,
        deployment_id=flight.run.deployment_id,
        state="open",
        title=title[:LONGEST_TITLE],
    )
