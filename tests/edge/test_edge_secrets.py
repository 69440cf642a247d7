"""Secrets: read by reference when sending, shown to nobody, and taken out of whatever comes back."""

from __future__ import annotations

import ast
import base64
import copy
import json
import logging
import pickle
import re
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.contracts import Request
from orchestra.edge import http, secrets
from orchestra.edge.secrets import Secret
from orchestra.errors import Invalid, NotFound, OrchestraError
from tests.edge.stage import OK, POST, SOON, TOKEN, Recorded, answer, replied, reset, serving, whole

ROOT = Path(__file__).resolve().parents[2]
ENVIRON = {
    "STORE_TOKEN": TOKEN,
    "SHORT": "hunter2",
    "SECRET_KEY": "not for tools",
    "ORCHESTRA_SEAL_KEY": "nor this",
}


def test_a_variable_is_read_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_TOKEN", TOKEN)
    assert secrets.resolve("env:STORE_TOKEN").reveal() == TOKEN
    monkeypatch.setenv("STORE_TOKEN", "rotated-since")
    assert secrets.resolve("env:STORE_TOKEN").reveal() == "rotated-since"


def test_a_file_is_read_without_its_last_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert secrets.resolve(f"file:{tmp_path}/token", folders=[tmp_path]).reveal() == TOKEN


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "token").write_text(TOKEN)
    (tmp_path / "token").symlink_to(tmp_path / "..data" / "token")
    assert secrets.resolve(f"file:{tmp_path}/token", folders=[tmp_path]).reveal() == TOKEN


def test_no_file_outside_the_folders_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (tmp_path / "outside").write_text(TOKEN)
    (tmp_path / "secrets-too").write_text(TOKEN)
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "latin").write_bytes(b"\xe4" * 20)
    (folder / "large").write_bytes(b"x" * 100_000)
    for path in (
        "outside",
        "secrets-too",
        "secrets/link",
        "secrets/../outside",
        "secrets",
        "secrets/large",
        "secrets/latin",
    ):
        with pytest.raises(Invalid):
            secrets.resolve(f"file:{tmp_path}/{path}", folders=[folder])
    for path in ("/proc/self/environ", "/etc/passwd", "/dev/zero"):
        with pytest.raises(OrchestraError):
            secrets.resolve(f"file:{path}", folders=[folder])


def test_what_is_not_there_is_said_by_its_reference(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="env:OTHER is not set"):
        secrets.resolve("env:OTHER", environ=ENVIRON)
    with pytest.raises(NotFound, match="cannot be read"):
        secrets.resolve(f"file:{tmp_path}/missing", folders=[tmp_path])


@pytest.mark.parametrize(
    "text",
    [
        TOKEN, f"vault:{TOKEN}", f"env:{TOKEN}", f"file:{TOKEN}", f"ENV:{TOKEN}", f"bearer {TOKEN}", "",
        "env:", "env:lower", "env:A B", "env:A=B", "env:A\n", "file:", "file:relative", "file:/run/secrets/../x",
        "file:/run/secrets/a\0b", "env",
    ],
)  # fmt: skip
def test_a_text_that_is_no_reference_is_not_repeated(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        secrets.resolve(text, environ=ENVIRON)
    assert TOKEN not in refused.value.message


def test_a_secret_too_short_to_recognise_is_refused_without_showing_it() -> None:
    with pytest.raises(Invalid, match="too short") as refused:
        secrets.resolve("env:SHORT", environ=ENVIRON)
    assert "hunter2" not in refused.value.message


def own_variables() -> list[str]:
    """The names that Orchestra's settings read."""
    tree = ast.parse((ROOT / "orchestra" / "settings.py").read_text())
    return [
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "env"
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
        and call.args[0].value.isupper()
    ]


def test_no_setting_of_orchestra_can_be_sent_to_a_tool() -> None:
    assert len(own_variables()) > 20
    for name in own_variables():
        for form in (name, f"{name}_FILE"):
            with pytest.raises(Invalid, match="Orchestra itself"):
                secrets.resolve(f"env:{form}", environ=dict.fromkeys([form], TOKEN))


@dataclass
class Holder:
    key: Secret


SHOWN: list[Callable[[Secret], object]] = [
    repr,
    str,
    ascii,
    lambda secret: f"{secret}{secret!r}{secret:>30}",
    lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
    "{0}".format,
    lambda secret: repr({"a": [secret]}),
    lambda secret: repr(Holder(secret)),
    lambda secret: repr(asdict(Holder(secret))),
    lambda secret: repr(copy.deepcopy([secret])),
    lambda secret: repr(copy.copy(secret)),
    lambda secret: repr(secret.prefixed("Bearer ")),
    lambda secret: repr(ValueError(secret)),
    lambda secret: json.dumps({"a": secret}, default=str),
]


@pytest.mark.parametrize("show", SHOWN)
def test_a_secret_shows_itself_in_no_text(show: Callable[[Secret], object]) -> None:
    assert TOKEN not in str(show(Secret(TOKEN)))


@pytest.mark.parametrize(
    "store",
    [
        pickle.dumps,
        json.dumps,
        vars,
        hash,
        len,
        iter,
        lambda secret: secret + "x",
        "x".join,
    ],
)
def test_a_secret_is_neither_stored_nor_joined(store: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as refused:
        store(Secret(TOKEN))
    assert TOKEN not in str(refused.value)


def test_secrets_are_compared_without_being_shown() -> None:
    assert Secret(TOKEN) == Secret(TOKEN)
    assert Secret(TOKEN) != Secret(TOKEN + "x")
    assert Secret(TOKEN) != TOKEN


@pytest.mark.parametrize(
    "form",
    [
        lambda text: text,
        lambda text: quote(text, safe=""),
        lambda text: quote(text, safe="").lower(),
        lambda text: json.dumps({"a": text}),
        lambda text: json.dumps({"a": text}).replace("/", "\\/"),
        lambda text: text.encode().hex(),
        lambda text: text.encode().hex().upper(),
        lambda text: re.sub("[<>&]", lambda sign: f"\\u{ord(sign[0]):04x}", json.dumps({"a": text})),
        lambda text: re.sub("[<>&'`+]", lambda sign: f"\\u{ord(sign[0]):04X}", json.dumps({"a": text})),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.b64encode(f"user:{text}".encode()).decode(),
        lambda text: base64.b64encode(f"u:{text}:more".encode()).decode(),
        lambda text: base64.urlsafe_b64encode(f"us:{text}".encode()).decode(),
        lambda text: f"<b>{text}</b>{text}",
    ],
)
def test_a_secret_is_taken_out_in_every_usual_form(form: Callable[[str], str]) -> None:
    for text in (TOKEN, "plus+and'&<more>", 'quote"and\\back&<slash>', "ümläute-und-mehr", "plain0123456789"):
        shown = form(text)
        cleaned = secrets.scrub(shown, [Secret(text).prefixed("Bearer ")])
        assert "[secret]" in cleaned
        assert text not in cleaned
        assert secrets.scrub_bytes(shown.encode(), [Secret(text)]).count(b"[secret]") >= 1


@given(text=st.text(max_size=60), secret=st.text(min_size=8, max_size=20))
def test_scrubbing_leaves_no_secret_and_nothing_else_changed(text: str, secret: str) -> None:
    cleaned = secrets.scrub(f"{text}{secret}{text}", [Secret(secret)])
    assert secret not in cleaned.replace("[secret]", "")
    if secret not in text and "[secret]" not in text:
        assert cleaned.startswith(text[: max(len(text) - 20, 0)])


def test_without_secrets_nothing_changes() -> None:
    assert secrets.scrub("text", []) == "text"
    assert secrets.scrub_bytes(b"\xff\x00", []) == b"\xff\x00"
    assert secrets.scrub("short", [Secret("short")]) == "short"


@pytest.mark.parametrize(
    "given_", [f"Bearer {TOKEN}", Secret(TOKEN).prefixed("Bearer ")], ids=["text", "secret"]
)
def test_a_server_that_echoes_the_secret_is_not_believed_to_be_harmless(given_: str | Secret) -> None:
    body = json.dumps(
        {"all": f"Bearer {TOKEN}", "token": TOKEN, "basic": base64.b64encode(TOKEN.encode()).decode()}
    )
    raw = f"HTTP/1.1 200 OK\r\nX-Echo: {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    with serving(answer(raw)) as server:
        result = http.send(
            POST, base_url=server.url, secret_headers={"Authorization": given_}, rules=server.rules
        )
    assert TOKEN not in repr(replied(result))
    assert json.loads(replied(result).body) == {"all": "[secret]", "token": "[secret]", "basic": "[secret]"}


def test_no_way_to_fail_shows_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def breaking(recorded: Recorded) -> None:
        recorded.until(whole)
        reset(recorded.connection)

    def silent(recorded: Recorded) -> None:
        recorded.until(lambda _: False)

    seen = []
    for handle in (breaking, silent, answer(b""), answer(TOKEN.encode() + b"\r\n\r\n"), answer(OK)):
        with serving(handle) as server:
            for url in (
                server.url,
                server.url.replace("http:", "https:"),
                f"http://{TOKEN}@127.0.0.1:{server.port}",
            ):
                for request in (POST, Request("POST", "/", (("Authorization", TOKEN),), b"")):
                    seen.append(
                        http.send(
                            request,
                            base_url=url,
                            secret_headers={"Authorization": Secret(TOKEN)},
                            rules=server.rules,
                            timeouts=SOON,
                        )
                    )
    assert len(seen) == 30
    assert all(TOKEN not in repr(result) for result in seen)
    assert TOKEN not in caplog.text


def test_no_traceback_shows_a_secret() -> None:
    for attempt in (
        lambda: secrets.resolve("env:STORE_TOKEN2", environ=ENVIRON),
        lambda: secrets.resolve(TOKEN, environ=ENVIRON),
        lambda: pickle.dumps(Secret(TOKEN)),
    ):
        with pytest.raises((OrchestraError, TypeError)) as caught:
            attempt()
        assert TOKEN not in "".join(traceback.format_exception(caught.value))


def test_a_secret_that_begins_like_another_hides_no_rest_of_it() -> None:
    assert secrets.scrub("12345678-and-more", [Secret("12345678"), Secret("12345678-and-more")]) == "[secret]"
