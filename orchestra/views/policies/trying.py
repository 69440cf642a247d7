"""Puts a call that nobody makes before the policies in force, and shows what they say. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from orchestra import canonical
from orchestra.canonical import Json
from orchestra.contracts import Mode, Verdict
from orchestra.errors import Invalid, NotFound
from orchestra.evals import publications, trials
from orchestra.evals.trials import Trial, Wanted
from orchestra.models import Deployment, Environment, Person
from orchestra.policies import words
from orchestra.tools.sentences import visible
from orchestra.views.access import for_people
from orchestra.views.policies.page import STATES, rule

LONGEST: Final = 200
LONGEST_LIST: Final = 4_000
ORIGIN_WORDS: Final = {
    "requester": "the requester named them",
    "tool": "a tool returned them",
    "person": "a person typed them while editing",
    "agent": "the agent made them up",
}
JSON_FIELDS: Final = ("arguments", "observed", "preview")


@dataclass
class Typed:
    """What the form says, and what is wrong with it by field."""

    given: QueryDict
    wrong: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A short text. Raises Invalid for one that names nothing, because nothing can hold it."""
        text = self.given.get(name, "").strip()[:LONGEST]
        if "\0" in text:
            raise Invalid.at(f"/{name}", "No text holds a NUL character.")
        return text

    def json(self, name: str, empty: Json) -> Json:
        """A field that holds JSON; what is wrong with it is noted."""
        text = self.given.get(name, "").strip()
        if not text:
            return empty
        try:
            return canonical.parse(text)
        except Invalid as error:
            self.wrong[name] = error.message
            return empty

    def chosen(self, name: str, known: Any, usual: str) -> str:
        """One of some words."""
        text = self.text(name)
        return text if text in known else usual


@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
@for_people
def trying(request: HttpRequest, person: Person) -> HttpResponse:
    """The form; after a POST with the ruling. 422 for a form that cannot be read."""
    places = list(publications.environments(person))
    if not places:
        raise NotFound("You see no deployment, so there is nothing to try a call against.")
    typed = Typed(request.POST if request.method == "POST" else request.GET)
    place = _place(places, typed)
    trial = _trial(person, place, typed) if request.method == "POST" else None
    status = 422 if typed.wrong else 200
    return render(request, "policies/try.html", _context(person, place, places, typed, trial), status=status)


def _place(places: list[Environment], typed: Typed) -> Environment:
    """The environment that was chosen, else the first. Raises NotFound for one that is not theirs."""
    name = typed.text("environment")
    found = next((place for place in places if place.name == name), None if name else places[0])
    if found is None:
        raise NotFound(f"There is no environment {name[:40]!r}, or you see no deployment in it.")
    return found


def _trial(person: Person, place: Environment, typed: Typed) -> Trial | None:
    mode = typed.chosen("mode", set(Mode), Mode.PROPOSAL)
    if typed.text("call"):
        return _again(person, place, typed, mode)
    wanted = Wanted(
        tool=typed.text("tool"),
        agent=typed.text("agent"),
        mode=mode,
        arguments=typed.json("arguments", {}),
        observed=typed.json("observed", None),
        preview=typed.json("preview", None),
        origin=typed.chosen("origin", ORIGIN_WORDS, "requester"),
        requester=publications.requester(person),
        identified=tuple(filter(None, typed.given.get("identified", "")[:LONGEST_LIST].split())),
    )
    if not wanted.tool:
        typed.wrong["tool"] = "Name a tool, or take a call that was made."
    if not isinstance(wanted.arguments, dict):
        typed.wrong["arguments"] = "Arguments are a JSON object, such as {}."
    return None if typed.wrong else trials.of(place, wanted)


def _again(person: Person, place: Environment, typed: Typed, mode: str) -> Trial | None:
    try:
        call = publications.call(person, place, str(UUID(typed.text("call"))))
        return trials.again(place, call, mode)
    except ValueError:
        typed.wrong["call"] = "This is no id of a call."
    except (Invalid, NotFound) as error:
        typed.wrong["call"] = error.message
    return None


def _context(
    person: Person, place: Environment, places: list[Environment], typed: Typed, trial: Trial | None
) -> dict[str, Any]:
    return {
        "section": "policies",
        "places": [each.name for each in places],
        "place": place.name,
        "modes": Deployment._meta.get_field("mode").choices,
        "origins": ORIGIN_WORDS.items(),
        "names": publications.names(place),
        "calls": publications.calls(person, place),
        "typed": {
            name: typed.given.get(name, "")
            for name in ("tool", "agent", "mode", "origin", "call", "identified", *JSON_FIELDS)
        },
        "wrong": typed.wrong,
        "ruling": _told(trial) if trial is not None else None,
    }


def _told(trial: Trial) -> dict[str, Any]:
    """A trial for a template."""
    ruling, tool = trial.ruling, visible(trial.action.tool)
    asks = ruling.verdict is Verdict.REVIEW
    return {
        "verdict": words.VERDICTS[ruling.verdict],
        "state": STATES[str(ruling.verdict)],
        "call": visible(words.action(trial.action)),
        "mode": trial.mode,
        "demands": list(words.demands(replace(ruling.requirements, sample=1.0))) if asks else [],
        "share": words.share(trial.share),
        "unseen": words.VERDICTS[trial.unseen.verdict] if trial.unseen is not None else "",
        "matched": [
            {"hit": hit, "verdict": words.VERDICTS[hit.verdict], "state": STATES[str(hit.verdict)],
             "message": visible(hit.message), "rule": rule(found, tool=tool) if found is not None else None}
            for hit, found in trial.matched
        ],
        "errors": [visible(error) for error in ruling.errors],
        "silent": [{"policy": document.name, "version": document.version, "rule": rule(found, tool=tool)} for document, found in trial.silent],
    }  # fmt: skip
