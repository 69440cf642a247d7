"""The secret of a tool is known to the process that sends, and to nothing that Orchestra keeps."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import django_rq
import pytest
from django.conf import settings

from orchestra.local.processes import Running
from orchestra.local.valkey import Valkey
from orchestra.models import Dispatch, Run, ToolCall
from tests.conftest import Spawn
from tests.databases import Database
from tests.engine.stage import forget
from tests.gate.stage import SECRET
from tests.gate_crash import wire as wires
from tests.gate_crash.canary import Canary
from tests.gate_crash.stage import CrashStage
from tests.gate_crash.wire import Answer, Asked, Backend
from tests.store.shop import Shop, cancellation, order_in

CANARY = Canary("kestrel/9+dawn&<x> %41==x7q~")
LOUD = {SECRET: CANARY.value, "LOG_LEVEL": "DEBUG"}
REFUSED = {**cancellation(), "order_id": order_in("delivered")["order_id"]}
READ = {"call": "get_order_details", "with": {"order_id": order_in("pending")["order_id"]}}
ESCAPED = "(escaped)"
OVER = {"succeeded", "failed", "escalated"}


@pytest.fixture
def canaries(
    database: Database, spawn: Spawn, start_shop: Callable[..., tuple[Running, Shop]]
) -> Iterator[CrashStage]:
    """A stage whose shop wants the canary as its token."""
    process, shop = start_shop(STORE_TOKEN=CANARY.value)
    forget()
    with wires.to(shop.url) as wire:
        yield CrashStage(database, shop, wire, spawn)
    process.stop()


def test_secret_is_in_no_row_no_line_of_log_and_no_key_whatever_a_system_answers(
    canaries: CrashStage, world: str, tmp_path: Path, valkey: Valkey
) -> None:
    stage = canaries
    stage.wire.backend = Echo(stage.wire.backend)
    stage.shop.faults(f"{world}-lost", {"call": 2, "times": 9, "kind": "lost"})
    hold = stage.wire.hold("POST", f"/{world}-killed/", done=True)
    worker = stage.working(**LOUD)
    runs = [begin(stage, f"{world}-{kind}") for kind in ("good", "refused", "lost", "killed", *ECHOES)]
    stage.approving(hold.reached.is_set, what="a sending whose worker dies")
    stage.replace(worker, **LOUD)
    stage.approving(lambda: over(stage, runs), what=f"the end of all runs: {runs}")
    assert {call.state for call in ToolCall.objects.all()} >= {"succeeded", "failed", "settled_done"}
    assert any(CANARY.value in asked.headers["Authorization"] for asked in stage.wire.asked)
    assert any(b"[secret]" in bytes(one.reply or b"") for one in Dispatch.objects.all())
    assert CANARY.in_database(stage.database) == []
    assert CANARY.in_files(list(tmp_path.glob("process-*.log"))) == []
    assert CANARY.in_valkey(valkey) == []


@pytest.mark.parametrize("form", list(CANARY.forms))
def test_secret_that_was_kept_is_found_in_a_file(tmp_path: Path, form: str) -> None:
    """What nothing is found in can hold something."""
    (tmp_path / "process.log").write_bytes(b'event=x error="so: ' + CANARY.forms[form] + b'!"')
    assert f"process.log: {form}" in CANARY.in_files([tmp_path / "process.log"])


def test_secret_that_was_kept_is_found_in_rows_and_keys(
    stage: CrashStage, world: str, valkey: Valkey
) -> None:
    kept = [form.decode() for form in CANARY.forms.values()]
    stage.ask(stage.serving([{"say": "Well."}]), world, {"note": kept})
    django_rq.get_queue(settings.HINT_QUEUE).enqueue_call("builtins.print", args=(kept,))
    assert {f"orchestra_run: {form}" for form in CANARY.forms} <= set(CANARY.in_database(stage.database))
    found = " ".join(CANARY.in_valkey(valkey))
    assert all(form in found for form in CANARY.forms)


def test_secret_that_was_kept_as_bytes_is_found(stage: CrashStage, world: str) -> None:
    with stage.working_here():
        run = stage.serve([{"call": "think", "with": f"{{no json: {CANARY.value}"}, {"say": "Well."}], world)
    assert stage.told(run) == ["refused"]
    assert "orchestra_toolcall: plain" in CANARY.in_database(stage.database)


def begin(stage: CrashStage, world: str) -> Run:
    """A run that reads and writes in a world."""
    arguments = REFUSED if world.endswith("refused") else cancellation()
    return stage.begin(world, READ, {"call": "cancel_pending_order", "with": arguments})


def over(stage: CrashStage, runs: list[Run]) -> bool:
    """Find out what is in doubt; whether all runs have come to an end, or to a person."""
    stage.find_out()
    states = Run.objects.filter(pk__in=[run.pk for run in runs]).values_list("state", flat=True)
    return set(states) <= OVER


class Echo:
    """Answers in some worlds with what it was sent: the whole header, in whatever form systems like to show it."""

    def __init__(self, shop: Backend) -> None:
        self._shop = shop

    def __call__(self, asked: Asked) -> Answer:
        """The shop's answer where nothing else was ordered."""
        kind = asked.path.split("/")[2].rpartition("-")[2]
        if kind not in ECHOES or (asked.method == "GET" and kind != "reading"):
            return self._shop(asked)
        return ECHOES[kind](asked.headers["Authorization"])


def every(header: str) -> dict[str, object]:
    """A header in many forms."""
    token, raw = header.partition(" ")[2], header.encode()
    return {
        "error": f"no access with {header}",
        "plain": [header, token, f"x{token}y"],
        "quoted": [quote(header), quote(header, safe=""), quote(token, safe="").lower()],
        "base64": [base64.b64encode(raw[n:]).decode() for n in range(7)],
        "basic": base64.b64encode(b"user:" + token.encode()).decode(),
        "hex": [raw.hex(), token.encode().hex().upper()],
        "escaped": ESCAPED,
        token: "a name",
    }


def body(header: str) -> bytes:
    """All of it as JSON, in which some write more signs as numbers than they need."""
    signs = {sign: f"\\u{ord(sign):04X}" for sign in "<>&'`+"}
    escaped = "".join(signs.get(sign, sign) for sign in header)
    return json.dumps(every(header)).replace(ESCAPED, escaped).encode()


def as_json(status: int) -> Callable[[str], Answer]:
    """Everything, in the body and in headers."""
    return lambda header: Answer(
        status,
        {"Content-Type": "application/json", "X-Echo": header, "Location": f"/?t={quote(header)}"},
        body(header),
        reason=header,
    )


ECHOES: dict[str, Callable[[str], Answer]] = {
    "echo200": as_json(200),
    "echo302": as_json(302),
    "echo401": as_json(401),
    "echo409": as_json(409),
    "echo500": as_json(500),
    "reading": as_json(200),
    "text": lambda header: Answer(500, {"Content-Type": "text/plain"}, f"Traceback: {header}".encode()),
    "broken": lambda header: Answer(0, {}, f"HTTP/1.1 {header}\r\n{header}\r\n\r\n{header}".encode()),
    "long": lambda header: Answer(0, {}, f"HTTP/1.1 200 OK\r\nContent-Length: {header}\r\n\r\n".encode()),
}
