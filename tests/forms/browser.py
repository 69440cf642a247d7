"""What a browser would send for a form that is drawn as HTML, by the rules of the HTML standard."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from django.template.loader import render_to_string
from django.utils.datastructures import MultiValueDict

from orchestra.forms.drawing import Field

_LOCAL: Final = re.compile(r"(\d{4,}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?")


def render(fields: tuple[Field, ...]) -> str:
    """The fields as a page shows them."""
    return render_to_string("forms/_fields.html", {"fields": fields})


def sent(fields: tuple[Field, ...], **changes: str | list[str]) -> MultiValueDict[str, str]:
    """What is posted when nobody touches the fields but those in `changes` (names without the prefix `f/`)."""
    reader = _Form()
    reader.feed(render(fields))
    reader.close()
    for name, texts in changes.items():
        reader.posted.setlist(f"f/{name}", [texts] if isinstance(texts, str) else texts)
    return reader.posted


def _normalised(value: str) -> str:
    """A local date and time by the HTML standard: the shortest form of it; nothing for what is none."""
    found = _LOCAL.fullmatch(value)
    if not found:
        return ""
    day, minutes, seconds, parts = found[1], found[2], found[3] or "00", (found[4] or "").rstrip("0")
    rest = f":{seconds}.{parts}" if parts else f":{seconds}" if seconds != "00" else ""
    return f"{day}T{minutes}{rest}"


class _Form(HTMLParser):
    """Collects the successful controls of a form."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.posted: MultiValueDict[str, str] = MultiValueDict()
        self.area: str | None = None
        self.select: str | None = None
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "input":
            self._input(given)
        elif tag == "textarea":
            self.area, self.text = given["name"], ""
        elif tag == "select":
            self.select = given["name"]
        elif tag == "option" and (self.select not in self.posted or "selected" in given):
            self.posted.setlist(str(self.select), [given["value"]])

    def _input(self, given: dict[str, str]) -> None:
        if given.get("type") in {"radio", "checkbox"}:
            if "checked" in given:
                self.posted.appendlist(given["name"], given["value"])
            return
        value = given["value"].replace("\n", "").replace("\r", "")
        if given.get("type") == "datetime-local":
            value = _normalised(value)
        self.posted.appendlist(given["name"], value)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.area is not None:
            text = self.text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\n")
            self.posted.appendlist(self.area, text.replace("\n", "\r\n"))
            self.area = None
        elif tag == "select":
            self.select = None
