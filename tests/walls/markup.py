"""What a page is made of, so that two pages can be compared: elements, attributes, addresses, and what can be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

ADDRESSES = {"href", "src", "action", "formaction", "srcset", "poster", "data", "ping"}
QUIET = {"script", "style"}


@dataclass
class Markup(HTMLParser):
    """A page, read."""

    text: str
    shape: set[tuple[str, str]] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    commands: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.text)
        self.close()

    def __hash__(self) -> int:
        return id(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.shape.add((tag, ""))
        for name, value in attrs:
            self.shape.add((tag, name))
            if name in ADDRESSES or (name.startswith("hx-") and name.partition("-")[2] in METHODS):
                self.addresses.add(value or "")
            if name.startswith(("hx-", "data-hx", "on")):
                self.commands.add((name, value or ""))


METHODS = {"get", "post", "put", "patch", "delete", "push-url", "replace-url"}
