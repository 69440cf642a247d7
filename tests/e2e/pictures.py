"""`make pictures`: takes docs/pictures/ anew, with a browser that looks at the demo: light, dark, and on a telephone.

Small on purpose: one window's height, as WebP. Refuses to use a demo that runs already: its data would be in the pictures.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from orchestra.local import ports
from tests.e2e.conftest import NAMES, QUIET

ROOT: Final = Path(__file__).resolve().parents[2]
PICTURES: Final = ROOT / "docs" / "pictures"
QUALITY: Final = 55
SHAPES: Final[dict[str, dict[str, Any]]] = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "375": {"viewport": {"width": 375, "height": 720}, "color_scheme": "light"},
}
#: What the demo must have come to before there is something to see.
PATIENCE: Final = 600.0


@dataclass(frozen=True, slots=True)
class Picture:
    """One page: its name, who looks, where; then the link to follow there, by the beginning of its address."""

    name: str
    person: str
    path: str
    follow: str = ""


TAKEN: Final = (
    Picture("front", "", "/"),
    Picture("sign-in", "", "/accounts/login/"),
    Picture("queue", "cleo", "/reviews/"),
    Picture("proposal", "cleo", "/reviews/", r"^/reviews/[0-9a-f-]{36}/"),
    Picture("decided", "cleo", "/reviews/?tab=decided"),
    Picture("question", "ann", "/reviews/", r"^/reviews/questions/"),
    Picture("tasks", "ben", "/tasks/"),
    Picture("task", "ben", "/tasks/", r"^/tasks/[0-9a-f-]{36}/"),
    Picture("new-task", "ben", "/tasks/new/", r"^/tasks/new/[0-9a-f-]{36}/"),
    Picture("runs", "ann", "/runs/"),
    Picture("run", "ann", "/runs/?state=waiting", r"^/runs/[0-9a-f-]{36}/"),
    Picture("halts", "ann", "/halts/"),
    Picture("overview", "ann", "/overview/"),
    Picture("policies", "cleo", "/policies/"),
    Picture("policy", "cleo", "/policies/", r"^/policies/(?!try)[a-z-]+/"),
    Picture("policy-try", "cleo", "/policies/try/"),
    Picture("deliveries", "ann", "/deliveries/"),
    Picture("tokens", "cleo", "/accounts/tokens/"),
    Picture("api", "", "/api/docs"),
    Picture("admin", "eve", "/admin/"),
)


@contextmanager
def demo(local: Path) -> Iterator[str]:
    """A demo of its own, and the address of it."""
    port = ports.any_free()
    ours = ("DATABASE_", "REDIS_", "ORCHESTRA_", "DJANGO_", "SECRET_KEY", "STORE_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command = [sys.executable, "-m", "orchestra.local.demo", "--port", str(port), "--workers", "1"]
    log = (local / "log").open("w")
    process = subprocess.Popen(
        command, cwd=ROOT, env={**clean, "ORCHESTRA_LOCAL": str(local)}, stdout=log, stderr=log
    )
    try:
        yield f"http://localhost:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=120)
        log.close()


def until(look: Callable[[], object], what: str) -> None:
    """Wait until there is something to see."""
    end = time.monotonic() + PATIENCE
    while not look():
        if time.monotonic() > end:
            sys.exit(f"pictures: waited too long for {what}")
        time.sleep(1)


def sign_in(page: Page, address: str, person: str, password: str) -> None:
    """By the form."""
    page.goto(f"{address}/accounts/login/")
    page.get_by_label("User name").fill(person)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/accounts/login/" not in url)


def take(page: Page, address: str, picture: Picture, shape: str) -> int:
    """One picture; its size. A page that has no such link yet is taken itself."""
    page.goto(address + picture.path)
    links = [str(link.get_attribute("href")) for link in page.locator("main a[href]").all()]
    followed = next((link for link in links if picture.follow and re.match(picture.follow, link)), "")
    if followed:
        page.goto(address + followed)
    page.wait_for_load_state("networkidle")
    session = page.context.new_cdp_session(page)
    taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    content = base64.b64decode(taken["data"])
    (PICTURES / f"{picture.name}-{shape}.webp").write_bytes(content)
    return len(content)


def all_of(browser: Browser, address: str, password: str) -> int:
    """Every picture in every shape; their size together."""
    size = 0
    for shape, options in SHAPES.items():
        for person in dict.fromkeys(picture.person for picture in TAKEN):
            context = browser.new_context(**options)
            page = context.new_page()
            if person:
                sign_in(page, address, person, password)
            size += sum(take(page, address, each, shape) for each in TAKEN if each.person == person)
            context.close()
    return size


def main() -> None:
    """Take all of them."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        sys.exit("pictures: no chromium on the PATH: install it (apt-get install chromium)")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="orchestra-pictures-") as folder, demo(Path(folder)) as address:
        log = Path(folder) / "log"
        until(lambda: "/reviews/" in log.read_text() and (Path(folder) / "password").exists(), "the demo")
        time.sleep(60)  # agents at work, so that there is something to see
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=QUIET)
            size = all_of(browser, address, (Path(folder) / "password").read_text().strip())
            browser.close()
    print(f"pictures: {len(TAKEN) * len(SHAPES)} taken, {size // 1024} kB together, in docs/pictures/")  # noqa: T201


if __name__ == "__main__":
    main()
