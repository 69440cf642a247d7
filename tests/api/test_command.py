"""The command `orchestra`: signing in, submitting, following, deciding, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestra.client import Client, Events
from orchestra.client.refusals import ClientError
from orchestra.client.terminal import plain
from orchestra.client.transport import checked
from orchestra.models import Task
from orchestra.people.roles import Holder
from tests.api.shell import Shell
from tests.api.site import Site


def test_token_is_kept_for_its_owner_alone_and_forgotten_at_logout(
    shell: Callable[[Holder], Shell], site: Site
) -> None:
    one = shell(site.requester)
    assert one.file.stat().st_mode & 0o777 == 0o600
    assert one.file.parent.stat().st_mode & 0o077 == 0
    assert one.run("whoami") == 0
    assert site.requester.name in one.said
    assert one.run("logout") == 0
    assert not one.file.exists()
    assert (one.run("whoami"), "orchestra login" in one.warned) == (4, True)


def test_token_that_opens_nothing_is_not_kept(site: Site, tmp_path: Path) -> None:
    one = Shell(site, tmp_path)
    assert one.run("login", site.address, typed="orc_nonsense\n") == 4
    assert "(unauthenticated)" in one.warned
    assert not one.file.exists()


def test_file_that_others_can_read_is_refused(shell: Callable[[Holder], Shell], site: Site) -> None:
    one = shell(site.requester)
    one.file.chmod(0o644)
    assert (one.run("whoami"), "chmod 600" in one.warned) == (4, True)


def test_variables_go_before_the_file(site: Site, tmp_path: Path) -> None:
    one = Shell(site, tmp_path)
    token = site.token(site.operator)
    assert one.run("whoami", ORCHESTRA_TOKEN=token, ORCHESTRA_ADDRESS=site.address) == 0
    assert one.run("whoami", ORCHESTRA_TOKEN=token) == 4


@pytest.mark.parametrize(
    "address", ["http://orchestra.example", "ftp://x", "https://u:p@x", "https://x/path", "https://x?q", "//"]
)
def test_address_that_is_none_or_not_safe_is_refused(address: str) -> None:
    with pytest.raises(ClientError):
        checked(address)


def test_address_is_taken_as_it_is_meant() -> None:
    assert checked("orchestra.example") == "https://orchestra.example"
    assert checked("http://localhost:8000/") == "http://localhost:8000"
    assert checked("http://orchestra.example", insecure=True) == "http://orchestra.example"


def test_submitted_task_is_followed_to_its_end(
    shell: Callable[[Holder], Shell], site: Site, tmp_path: Path
) -> None:
    one = shell(site.requester)
    given = tmp_path / "input.json"
    given.write_text(json.dumps({"x": 1}))
    submit = (
        "submit",
        site.workflow,
        "-e",
        "dev",
        "-i",
        f"@{given}",
        "--key",
        "cli-1",
        "--label",
        "team=blue",
    )
    assert one.run(*submit, "--subject", "order 7") == 0, one.warned
    uid = one.said.strip()
    task = Task.objects.get(uid=uid)
    assert (task.payload, task.labels, task.subject) == ({"x": 1}, {"team": "blue"}, "order 7")
    assert one.run("follow", uid) == 0
    assert "run: new to queued" in one.said.replace("  ", " ")
    assert "succeeded" in one.said
    assert one.run(*submit, "--subject", "order 7") == 0
    assert one.said.strip() == uid
    assert one.run("runs", "order 7") == 0
    assert str(task.runs.get().uid) in one.said


def test_all_that_happened_in_a_long_run_is_shown(shell: Callable[[Holder], Shell], site: Site) -> None:
    items = f"items: {list(range(120))}, step: {{kind: python, function: t.echo}}"
    long = site.stage.publish(f"a: {{kind: each, {items}}}")
    one, client = shell(site.requester), site.client(site.requester)
    made = client.submit(workflow=long, environment="dev")
    assert made.run is not None
    assert client.run(made.run.uid, wait=30).state == "succeeded"
    events = [event for page in client.follow(made.run.uid) for event in page.items]
    assert len(events) > len(client.events(made.run.uid).items)
    assert one.run("follow", made.run.uid) == 0
    shown = [line for line in one.said.splitlines() if re.match(r"\d\d:\d\d:\d\d  ", line)]
    assert len(shown) == len(events)


class Looking(Client):
    """A client that keeps when it looked, and until when that look may last."""

    looks: list[float]

    def events(self, uid: str, *, cursor: str = "", wait: int = 0) -> Events:
        self.looks.append(time.monotonic() + wait)
        return super().events(uid, cursor=cursor, wait=wait)


def test_no_look_lasts_longer_than_the_patience(site: Site) -> None:
    asking = site.stage.publish("a: {kind: human, title: 'Shall we?'}")
    run = site.client(site.requester).submit(workflow=asking, environment="dev").run
    assert run is not None
    client = Looking(site.address, site.token(site.requester), tries=1)
    client.looks, began = [], time.monotonic()
    assert [page.ended for page in client.follow(run.uid, wait=2, patience=3)][-1] is False
    assert max(client.looks) <= began + 3 + 1


def test_exit_code_tells_the_end(shell: Callable[[Holder], Shell], site: Site) -> None:
    one = shell(site.operator)
    asking = site.stage.publish("a: {kind: human, title: 'Shall we?'}")
    requester = shell(site.requester)
    assert requester.run("submit", asking, "-e", "dev", "--wait", "1") == 6
    uid = requester.said.splitlines()[0]
    assert one.run("cancel", uid, "--reason", "not needed") == 0
    assert requester.run("follow", uid, "--quiet") == 3
    assert (
        requester.run("submit", site.workflow, "-e", "dev", "-i", "-", "--wait", "20", typed='{"y": 2}') == 0
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("submit", "nothing", "-e", "dev"), "not-found"),
        (("submit",), "no-route"),
        (("submit", "w", "-e", "dev", "-i", "[1]"), "one JSON object"),
        (("submit", "w", "-e", "dev", "-i", "{"), "no JSON"),
        (("submit", "w", "-e", "dev", "-i", "@/nowhere/at/all"), "cannot be read"),
        (("submit", "w", "-e", "dev", "--label", "x"), "NAME=VALUE"),
        (("follow", "7"), "not-found"),
        (("show", "00000000-0000-0000-0000-000000000000"), "not-found"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    shell: Callable[[Holder], Shell], site: Site, arguments: tuple[str, ...], said: str
) -> None:
    one = shell(site.requester)
    assert one.run(*arguments) == 4
    assert said in one.warned
    assert "Traceback" not in one.warned


def test_server_that_is_away_has_a_code_of_its_own(site: Site, tmp_path: Path) -> None:
    one = Shell(site, tmp_path)
    assert one.run("whoami", ORCHESTRA_TOKEN="x", ORCHESTRA_ADDRESS="http://localhost:1") == 5
    assert "gives no answer" in one.warned


def test_what_cannot_be_seen_is_shown_as_its_code_point() -> None:
    assert plain("a\x1b[31m\u202eb\u200b\x07\r\n\tc") == "a<U+001B>[31m<U+202E>b<U+200B><U+0007><U+000D>\n\tc"


def test_module_is_a_program(site: Site, tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "orchestra.client"]
    entered = subprocess.run(
        [*command, "login", site.address],
        env=environment,
        input=site.token(site.requester),
        text=True,
        capture_output=True,
        check=False,
    )
    assert (entered.returncode, "Signed in as" in entered.stdout) == (0, True), entered.stderr
    asked = subprocess.run([*command, "whoami"], env=environment, text=True, capture_output=True, check=False)
    assert re.search(r"scopes .*tasks:submit", asked.stdout)


def test_client_needs_none_of_the_servers_code() -> None:
    source = "import sys; import orchestra.client.cli; print(sorted(m for m in sys.modules if m.startswith(('django', 'orchestra', 'ninja'))))"
    asked = subprocess.run([sys.executable, "-c", source], text=True, capture_output=True, check=True)
    loaded = [
        name for name in json.loads(asked.stdout.replace("'", '"')) if not name.startswith("orchestra.client")
    ]
    assert loaded == ["orchestra"]
