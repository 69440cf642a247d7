"""Files in git name no package registry, no mirror and no place on somebody's machine, and no secret."""

from __future__ import annotations

import re

from tests.architecture.sources import ROOT, tracked

# Written in pieces, so that this file does not break its own rule.
REGISTRIES = (
    "py" + "pi.org",
    "python" + "hosted",
    "npm" + "js.org",
    "proxy.go" + "lang",
    "rubygems" + ".org",
)
PLACES = ("/ro" + "ot/", "/wo" + "rk/", "/ho" + "me/", "/Us" + "ers/", "/opt/wh" + "eels", "/opt/py" + "pi")
SECRETS = ("-----BEGIN [A-Z ]*PRIVATE" + " KEY", "AKIA" + "[0-9A-Z]{16}", "ghp_" + "[A-Za-z0-9]{36}")
FORBIDDEN = re.compile(
    "|".join(
        [*map(re.escape, REGISTRIES), *(rf"(?<![\w.}}/-]){re.escape(place)}" for place in PLACES), *SECRETS]
    )
)
LARGEST = 1_000_000


def text_breaches(path: str, text: str) -> list[str]:
    """One line for each forbidden name in a text."""
    return [
        f"{path}:{number}: {found.group()}"
        for number, line in enumerate(text.splitlines(), start=1)
        for found in FORBIDDEN.finditer(line)
    ]


def test_no_tracked_file_names_a_registry_a_machine_or_a_secret() -> None:
    texts = ((path, (ROOT / path).read_bytes().decode("utf-8", errors="replace")) for path in tracked())
    assert [breach for path, text in texts for breach in text_breaches(path, text)] == []


def test_no_tracked_file_is_large() -> None:
    assert [path for path in tracked() if (ROOT / path).stat().st_size > LARGEST] == []


def test_nothing_that_tools_leave_behind_is_tracked() -> None:
    left = re.compile(r"(^|/)(__pycache__|\.venv|\.local|node_modules)/|\.(pyc|pyo|log|sqlite3)$")
    assert [path for path in tracked() if left.search(path)] == []


def test_planted_names_are_found() -> None:
    for text in (*REGISTRIES, *(f"cd {place}x" for place in PLACES), "-----BEGIN RSA PRIVATE" + " KEY-----"):
        assert text_breaches("a.md", f"fine\n{text}\n") != []


def test_ordinary_texts_pass() -> None:
    ordinary = "GET /api/work/1, docs/home/a, tests/root/x, .venv/bin/python, https://example.org/home/"
    assert text_breaches("a.md", ordinary) == []
