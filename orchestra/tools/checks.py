"""What the schema of a tool cannot say: what fits together, and that every gap and lookup leads somewhere.

Adds every problem to the report, each with its line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from orchestra import expressions, schemas
from orchestra.canonical import Json
from orchestra.contracts import Delivery, Effect, Outcome
from orchestra.documents.report import Report, listed, near
from orchestra.errors import Invalid
from orchestra.tools import templates
from orchestra.tools.declarations import BODILESS, Declaration, least_tier
from orchestra.tools.templates import ARGUMENTS

KEY: Final = "key"
#: Headers that belong to the edge, to the binding's secret, or to us.
FORBIDDEN_HEADERS: Final = frozenset({
    "accept-encoding", "authorization", "connection", "content-length", "content-type", "cookie", "expect", "host",
    "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip


def run(tool: Declaration, report: Report, known: Mapping[str, Effect] | None) -> None:
    """All checks of a declaration whose shape is sound."""
    for check in (_arguments, _effect, _delivery, _times, _gaps, _templates, _nothing_lost, _headers):
        check(tool, report)
    if known is not None:
        _others(tool, report, known)


def _arguments(tool: Declaration, report: Report) -> None:
    try:
        schemas.compile(tool.arguments)
    except Invalid as refusal:
        for problem in refusal.problems:
            report.add(problem.message, "spec", "arguments", *problem.pointer.split("/")[1:])
    if tool.arguments.get("type") != "object":
        report.add("arguments are an object: write `type: object`", "spec", "arguments")


def _effect(tool: Declaration, report: Report) -> None:
    least = least_tier(tool.effect, tool.delivery)
    if tool.tier < least:
        said = f"a tool that is {tool.effect} and {tool.delivery} has tier {least} at least; a tier is only raised"
        report.add(said, "spec", "tier")
    if tool.writes:
        _writing(tool, report)
    else:
        _reading(tool, report)


def _writing(tool: Declaration, report: Report) -> None:
    if not tool.sentence:
        report.add("sentence is missing: what a reviewer reads before this is done", "spec")
    if tool.request.method == "GET":
        said = "GET is repeated by others at will, so a tool that writes needs another method"
        report.add(said, "spec", "request", "method")


def _reading(tool: Declaration, report: Report) -> None:
    for name in ("key", "lookup", "reverse"):
        if name in _spec(report):
            report.add(f"a reading tool needs no {name}", "spec", name)
    for status, outcome in tool.replies.items():
        if outcome in (Outcome.FAILED_CLEAN, Outcome.UNKNOWN):
            report.add("a reading either succeeded or failed", "spec", "replies", status)


def _delivery(tool: Declaration, report: Report) -> None:
    if tool.delivery is Delivery.TRANSACTIONAL:
        said = "transactional is for what happens in Orchestra's own database, and no HTTP request does"
        report.add(said, "spec", "delivery")
    if tool.delivery is Delivery.KEY and tool.writes and not tool.key_header:
        report.add(
            "delivery key needs `key`: the header and how long a key is remembered", "spec", "delivery"
        )
    if tool.key_header and tool.delivery is not Delivery.KEY:
        report.add("only delivery key takes an idempotency key", "spec", "key")
    if tool.delivery is Delivery.PROBE and tool.writes and tool.lookup is None:
        report.add("delivery probe needs `lookup`: how to ask whether it happened", "spec", "delivery")
    if tool.lookup is not None:
        if set(tool.lookup.found) & set(tool.lookup.absent):
            report.add("a status cannot say both found and absent", "spec", "lookup")
        if not tool.key_header and not _sends_key(tool):
            said = 'nothing sends the key that this asks for: send "{{ key }}" in the query or the body'
            report.add(said, "spec", "lookup")


def _sends_key(tool: Declaration) -> bool:
    try:
        return KEY in expressions.names([dict(tool.request.query), tool.request.body])
    except Invalid:
        return True  # the malformed lookup is told of elsewhere


def _times(tool: Declaration, report: Report) -> None:
    if tool.timeout > 600:
        report.add(
            "a request takes ten minutes at most; a longer job is started and asked for", "spec", "timeout"
        )
    if tool.quiet_period < tool.timeout:
        report.add("the quiet period is at least as long as the timeout", "spec", "quiet")
    if tool.key_life is not None and tool.key_life <= tool.timeout:
        report.add("a key must live longer than one request may take", "spec", "key", "life")


def _gaps(tool: Declaration, report: Report) -> None:
    """Gaps of the path lead to required arguments; those of the sentence to arguments."""
    _texts(report, tool.sentence, ("spec", "sentence"), _argument(tool, required=False))
    _texts(report, tool.request.path, ("spec", "request", "path"), _argument(tool, required=True))
    if any(part in (".", "..") for part in tool.request.path.split("/")):
        report.add("a path has no parts . and ..", "spec", "request", "path")
    if tool.lookup is not None:
        place = ("spec", "lookup", "path")
        argument = _argument(tool, required=True)
        _texts(report, tool.lookup.path, place, lambda path: None if path == (KEY,) else argument(path))
        if f"{{{KEY}}}" not in tool.lookup.path:
            report.add("the path needs the gap {key}: what is asked for", *place)


def _argument(tool: Declaration, *, required: bool) -> Any:
    """A function from the path of a gap to what is wrong with it, or None."""

    def wrong(path: tuple[str, ...]) -> str | None:
        schema: Any = tool.arguments
        for part in path:
            properties = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
            if part not in properties:
                return f"there is no argument {'.'.join(path)!r}{near(part, properties)}; known: {listed(properties)}"
            if required and part not in schema.get("required", ()):
                return f"the argument {'.'.join(path)!r} may be missing; make it required"
            schema = properties[part]
        return None

    return wrong


def _texts(report: Report, text: str, place: tuple[str, ...], wrong: Any) -> None:
    try:
        found = templates.gaps(text)
    except Invalid as refusal:
        report.add(refusal.message, *place)
        return
    for gap in found:
        if said := wrong(gap.path):
            report.add(said, *place)


def _templates(tool: Declaration, report: Report) -> None:
    """Every lookup begins with a name that is there where it is filled in."""
    for template, names, place in _all_templates(tool, report):
        try:
            ways = expressions.lookups(template)
        except Invalid as refusal:
            report.add(refusal.message, *place)
            continue
        for way in sorted(ways, key=lambda way: way.path):
            if said := _leads_nowhere(tool, way.parts, names):
                report.add(f"`{{{{ {way.path} }}}}`: {said}", *place)


def _all_templates(
    tool: Declaration, report: Report
) -> Iterator[tuple[Json, set[str], tuple[str | int, ...]]]:
    yield tool.request.body, {ARGUMENTS, KEY}, ("spec", "request", "body")
    yield dict(tool.request.query), {ARGUMENTS, KEY}, ("spec", "request", "query")
    yield tool.object, {ARGUMENTS}, ("spec", "object")
    seen: set[str] = set()
    for place, found in enumerate(tool.observe):
        at = ("spec", "observe", place)
        if found.name in seen:
            report.add(f"{found.name!r} is observed twice", *at, "name")
        names = {ARGUMENTS, *(f"observed.{name}" for name in seen)}
        yield found.each, names, (*at, "each")
        inside = names | ({"item"} if found.each else set())
        yield found.with_, inside, (*at, "with")
        yield found.by, inside, (*at, "by")
        if found.by and not found.each:
            report.add("by goes with each: it names the result for each item", *at, "by")
        seen.add(found.name)
    observed = {f"observed.{name}" for name in seen}
    if tool.preview:
        yield tool.preview.with_, {ARGUMENTS, *observed}, ("spec", "preview", "with")
    if tool.reverse:
        yield tool.reverse.with_, {ARGUMENTS, "result", *observed}, ("spec", "reverse", "with")


def _leads_nowhere(tool: Declaration, parts: tuple[str | int, ...], names: set[str]) -> str | None:
    first = f"{parts[0]}.{parts[1]}" if parts[0] == "observed" and len(parts) > 1 else str(parts[0])
    if first not in names:
        return f"{first} is not known here{near(first, names)}; known: {listed(sorted(names))}"
    if first == ARGUMENTS:
        path = parts[1:]
        named = tuple(
            str(part) for part in path[: next((i for i, p in enumerate(path) if isinstance(p, int)), None)]
        )
        said: str | None = _argument(tool, required=False)(named)
        return said
    return None


def _nothing_lost(tool: Declaration, report: Report) -> None:
    """A reviewer sees the arguments, so each of them must reach the system."""
    if tool.request.body is None and tool.request.method not in BODILESS:
        return
    try:
        used = {gap.path[0] for gap in templates.gaps(tool.request.path)}
        ways = expressions.lookups([tool.request.body, dict(tool.request.query)])
    except Invalid:
        return  # told of elsewhere
    paths = [way.parts for way in ways if way.parts[0] == ARGUMENTS]
    if any(len(path) == 1 for path in paths):
        return
    used |= {str(path[1]) for path in paths}
    for name in tool.arguments.get("properties", {}):
        if name not in used:
            said = f"the argument {name!r} is sent nowhere: use it in path, query or body"
            report.add(said, "spec", "arguments", "properties", name)


def _headers(tool: Declaration, report: Report) -> None:
    seen: set[str] = set()
    for name in tool.request.headers:
        if name.lower() in FORBIDDEN_HEADERS or name.lower() == tool.key_header.lower():
            report.add(
                "this header is written by Orchestra; leave it out", "spec", "request", "headers", name
            )
        if name.lower() in seen:
            report.add("this header is here twice", "spec", "request", "headers", name)
        seen.add(name.lower())
    if tool.key_header.lower() in FORBIDDEN_HEADERS:
        report.add("this header is written by Orchestra; a key needs its own", "spec", "key", "header")


def _others(tool: Declaration, report: Report, known: Mapping[str, Effect]) -> None:
    """Tools that are named exist; those that are used without asking anybody only read."""
    named: list[tuple[str, bool, tuple[str | int, ...]]] = [
        (found.tool, True, ("spec", "observe", place, "tool")) for place, found in enumerate(tool.observe)
    ]
    if tool.preview:
        named.append((tool.preview.tool, True, ("spec", "preview", "tool")))
    if tool.reverse:
        named.append((tool.reverse.tool, False, ("spec", "reverse", "tool")))
    for name, reading, place in named:
        if name not in known:
            said = f"there is no tool {name!r}{near(name, known)}; known: {listed(sorted(known))}"
            report.add(said, *place)
        elif reading and known[name] is not Effect.READ:
            report.add(f"{name} does not only read, so it cannot be used without passing the gate", *place)


def _spec(report: Report) -> Mapping[str, Any]:
    spec = report.envelope.spec
    return spec if isinstance(spec, dict) else {}
