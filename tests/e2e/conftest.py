"""A real web server over the test's database, and a real browser looking at it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from orchestra.local import ports
from tests.waiting import until

# Playwright's synchronous calls keep an event loop in this thread; our rows are still made between them.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Visit:
    """A page at our server, and everything that the browser complained about."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open a path of our server."""
        self.page.goto(self.address + path)

    def note(self, message: ConsoleMessage) -> None:
        """Keep what the console shows as error or warning; a breach of the policy is one."""
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.fail("No chromium on the PATH: install it (apt-get install chromium) and run again.")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def address(environment: dict[str, str]) -> Iterator[str]:
    """Where granian serves the test's database."""
    # Two servers may listen on one port and share its visitors: ask for one that nobody else is given.
    port = ports.any_free()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--no-log"]
    command += ["--workers-kill-timeout", "3", "orchestra.wsgi:application"]
    server = subprocess.Popen(command, env=environment)
    try:
        until(lambda: not ports.is_free(port), within=60, what="the web server")
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


#: A desk by day and a telephone by night: each scheme and each width once.
LOOKS = [("light", 1280), ("dark", 375)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Both looks for each test that looks at pages, unless it names its own."""
    named = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if {"scheme", "width"} <= set(metafunc.fixturenames) and ("scheme", "width") not in named:
        metafunc.parametrize(("scheme", "width"), LOOKS, indirect=True)


@pytest.fixture
def scheme(request: pytest.FixtureRequest) -> str:
    """The colour scheme that the person prefers."""
    return str(request.param)


@pytest.fixture
def width(request: pytest.FixtureRequest) -> int:
    """In CSS pixels."""
    return int(request.param)


@pytest.fixture
def visit(browser: Browser, address: str, scheme: str, width: int) -> Iterator[Visit]:
    """A fresh browser context; at the end the browser must not have complained."""
    dark: Literal["dark", "light"] = "dark" if scheme == "dark" else "light"
    context = browser.new_context(color_scheme=dark, viewport={"width": width, "height": 800})
    made = Visit(context.new_page(), address)
    made.page.on("console", made.note)
    yield made
    context.close()
    assert made.complaints == []
