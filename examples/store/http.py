"""Routes of the shop: who may ask for what, and which status an error has. Knows no sockets (see asgi).

Refuses callers without the token, and bodies that are too large.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import psycopg
from psycopg_pool import PoolTimeout

from examples.store import desk, effects, exact, faults, operations, pages, previews, tools, worlds
from examples.store.desk import Answer, Desk
from examples.store.dialects import DIALECTS, STRICT

LARGEST_BODY = 256 * 1024
LARGEST_PAGE = 1_000
log = logging.getLogger("store")

_NEW_WORLD = jsonschema_rs.validator_for(
    {
        "type": "object",
        "required": ["id"],
        "additionalProperties": False,
        "properties": {
            "id": {"type": "string"},
            "dialect": {"enum": list(DIALECTS)},
            "faults": {"type": "array"},
        },
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `path` are its segments, decoded; `headers` have small letters."""

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back. `cut`: nothing does, the connection ends instead."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    cut: bool = False


class Problem(Exception):
    """An answer that says what is wrong with the request."""

    def __init__(self, status: int, text: str, **headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


STATUS: Mapping[type[Exception], int] = {
    tools.UnknownTool: 404,
    operations.Refused: effects.REFUSED,
    worlds.BadWorld: 409,
    tools.BadArguments: 422,
    faults.BadFault: 422,
    effects.KeyReused: 422,
    exact.NotPlain: 422,
}

Handler = Callable[[Desk, Request, list[str]], Answer | Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """`*` in the path stands for one segment, given to the handler in order. `guard` says who may."""

    method: str
    path: str
    guard: str
    handler: Handler

    def match(self, path: tuple[str, ...]) -> list[str] | None:
        """The segments that `*` stands for; None when this is another path."""
        pattern = self.path.strip("/").split("/")
        if len(pattern) != len(path) or any(p not in ("*", s) for p, s in zip(pattern, path, strict=True)):
            return None
        return [segment for mark, segment in zip(pattern, path, strict=True) if mark == "*"]


def handle(office: Desk, request: Request) -> Reply:
    """The reply to any request; never raises."""
    try:
        answer = _route(office, request)
    except Problem as problem:
        answer = Answer(problem.status, {"error": str(problem)}, problem.headers)
    except tuple(STATUS) as error:
        answer = Answer(STATUS[type(error)], {"error": str(error)})
    except (psycopg.OperationalError, PoolTimeout) as error:
        log.warning("store.database_away error=%s", type(error).__name__)
        office.pool.check()  # what else is broken goes now, and not one request after the other
        answer = Answer(
            503, {"error": "the shop's database does not answer; try again"}, {"Retry-After": "1"}
        )
    except Exception:
        log.exception("store.failed method=%s", request.method)
        answer = Answer(500, {"error": "the shop failed; its log says how"})
    return answer if isinstance(answer, Reply) else _json(answer)


def _route(office: Desk, request: Request) -> Answer | Reply:
    fitting = [(route, found) for route in ROUTES if (found := route.match(request.path)) is not None]
    if not fitting:
        raise Problem(404, "there is nothing at this address")
    for route, found in fitting:
        if route.method == request.method:
            _guard(office, request, route.guard)
            return route.handler(office, request, found)
    raise Problem(
        405, "this address has other methods", Allow=", ".join(route.method for route, _ in fitting)
    )


def _guard(office: Desk, request: Request, guard: str) -> None:
    if guard == "caller":
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not _same(token, office.settings.token):
            raise Problem(401, "a valid bearer token is needed", WWW_Authenticate="Bearer")
    if guard == "admin":
        token, known = request.headers.get("x-store-admin-token", ""), office.settings.admin_token
        if known is None or not _same(token, known):
            raise Problem(401, "a valid X-Store-Admin-Token is needed")


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())


def _json(answer: Answer) -> Reply:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", **answer.headers}
    return Reply(answer.status, exact.write(answer.body).encode(), headers, answer.cut)


# --- What is at the addresses ----------------------------------------------------------------------------------------


def _health(office: Desk, request: Request, found: list[str]) -> Answer:  # noqa: ARG001
    with office.pool.connection() as session:
        session.execute("SELECT 1 FROM store.world LIMIT 1")
    return Answer(200, {"status": "ok", "data": office.data.digest})


def _describe_tools(office: Desk, request: Request, found: list[str]) -> Answer:  # noqa: ARG001
    return Answer(200, tools.describe())


def _style(office: Desk, request: Request, found: list[str]) -> Reply:  # noqa: ARG001
    return Reply(200, pages.STYLE, pages.HEADERS | {"Content-Type": "text/css; charset=utf-8"})


def _ledger(office: Desk, request: Request, found: list[str]) -> Answer | Reply:  # noqa: ARG001
    world = request.query.get("world") or None
    if "text/html" in request.headers.get("accept", "") and request.query.get("format") != "json":
        with office.pool.connection() as session:
            rows = effects.newest(session, world=world, limit=pages.ROWS)
        page = pages.ledger(rows, world=world)
        return Reply(200, page.encode(), pages.HEADERS | {"Content-Type": "text/html; charset=utf-8"})
    begin = _whole(request, "after", 0, largest=2**62)
    limit = _whole(request, "limit", 200, largest=LARGEST_PAGE)
    with office.pool.connection() as session:
        rows = effects.after(session, begin, world=world, limit=limit)
    more = rows[-1]["number"] if len(rows) == limit and rows else None
    return Answer(200, {"effects": rows, "next": more})


def _make_world(office: Desk, request: Request, found: list[str]) -> Answer:  # noqa: ARG001
    wanted = exact.read_foreign(request.body)
    for problem in _NEW_WORLD.iter_errors(wanted):
        raise Problem(422, problem.message[:500])
    with office.pool.connection() as session:
        dialect = wanted.get("dialect", STRICT.name)
        new = worlds.make(session, wanted["id"], dialect=dialect, data=office.data.digest)
        faults.plan(session, wanted["id"], wanted.get("faults", []))
        return Answer(201 if new else 200, _world(session, wanted["id"]))


def _show_world(office: Desk, request: Request, found: list[str]) -> Answer:  # noqa: ARG001
    with office.pool.connection() as session:
        return Answer(200, _world(session, found[0]))


def _world(session: psycopg.Connection, world: str) -> dict[str, Any]:
    described = worlds.describe(session, world)
    if described is None:
        raise Problem(404, "there is no such world yet")
    return described | {"faults": faults.listed(session, world)}


def _show_state(office: Desk, request: Request, found: list[str]) -> Answer:  # noqa: ARG001
    with office.pool.connection() as session:
        return Answer(200, worlds.changed(session, found[0]))


def _plan_faults(office: Desk, request: Request, found: list[str]) -> Answer:
    wanted = exact.read_foreign(request.body)
    if not isinstance(wanted, dict) or wanted.keys() != {"faults"}:
        raise Problem(422, 'send {"faults": [...]}')
    with office.pool.connection() as session:
        if worlds.describe(session, found[0]) is None:
            worlds.make(session, found[0], dialect=STRICT.name, data=office.data.digest)
        faults.plan(session, found[0], wanted["faults"])
        return Answer(200, _world(session, found[0]))


def _clear_faults(office: Desk, request: Request, found: list[str]) -> Answer:  # noqa: ARG001
    with office.pool.connection() as session:
        return Answer(200, {"cleared": faults.clear(session, worlds.check_name(found[0]))})


def _take(office: Desk, request: Request, found: list[str]) -> Answer:
    world, tool = found
    return office.take(world, tool, body=request.body, key=request.headers.get("idempotency-key"))


def _observe(kind: str) -> Handler:
    """A row as it is now, seen by neither call numbers nor faults: what a gate compares before it acts."""

    def observe(office: Desk, request: Request, found: list[str]) -> Answer:  # noqa: ARG001
        world, row_id = found
        with office.pool.connection() as session:
            known = worlds.describe(session, world) or {"dialect": STRICT.name}
            stored = worlds.Stored(session, world)
            row = operations.World(office.data, stored, DIALECTS[known["dialect"]]).find(kind, row_id)
        return Answer(200, row, {"ETag": f'"{exact.digest(row)}"'})

    return observe


def _preview(office: Desk, request: Request, found: list[str]) -> Answer:
    """What a write would do now, seen by neither call numbers nor faults."""
    world, tool = found[0], tools.find(found[1])
    wanted = exact.read_foreign(request.body)
    if not tool.writes or not isinstance(wanted, dict) or wanted.keys() != {"arguments"}:
        raise Problem(422, 'name a tool that writes, and send {"arguments": {...}}')
    with office.pool.connection() as session:
        known = worlds.describe(session, world) or {"dialect": STRICT.name}
        dialect = DIALECTS[known["dialect"]]
        call = effects.Call(
            world=world, dialect=dialect, tool=tool.name, arguments=tool.check(wanted["arguments"])
        )
        return Answer(200, previews.preview(session, office.data, call))


def _find_effect(office: Desk, request: Request, found: list[str]) -> Answer:  # noqa: ARG001
    world, key = found
    if not desk.KEY.fullmatch(key):
        raise Problem(422, "a key has 1 to 200 visible characters")
    with office.pool.connection() as session:
        effect = effects.lookup(session, worlds.check_name(world), key)
        why = None if effect else effects.refusal(session, world, key)
    if effect is None:
        return Answer(404, {"error": "there is no effect with this key", "refused": why})
    return Answer(200, effect)


def _whole(request: Request, name: str, default: int, *, largest: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdecimal() or len(text) > 19 or int(text) > largest:
        raise Problem(422, f"{name} is a whole number up to {largest}")
    return int(text)


ROUTES = (
    Route("GET", "/healthz", "anybody", _health),
    Route("GET", "/tools", "anybody", _describe_tools),
    Route("GET", "/ledger", "anybody", _ledger),
    Route("GET", "/ledger.css", "anybody", _style),
    Route("POST", "/worlds", "admin", _make_world),
    Route("POST", "/worlds/*/faults", "admin", _plan_faults),
    Route("DELETE", "/worlds/*/faults", "admin", _clear_faults),
    Route("GET", "/worlds/*", "caller", _show_world),
    Route("GET", "/worlds/*/state", "caller", _show_state),
    Route("GET", "/worlds/*/users/*", "caller", _observe("users")),
    Route("GET", "/worlds/*/orders/*", "caller", _observe("orders")),
    Route("GET", "/worlds/*/products/*", "caller", _observe("products")),
    Route("GET", "/worlds/*/effects/*", "caller", _find_effect),
    Route("POST", "/worlds/*/previews/*", "caller", _preview),
    Route("POST", "/worlds/*/tools/*", "caller", _take),
)
