"""Templates hold nothing that the content policy would have to allow, and no key filters of htmx."""

from __future__ import annotations

import re

from tests.architecture.sources import ROOT, tracked

RULES = {
    # With eval switched off htmx treats such a filter as always true, so that any key would fire.
    "a filter in hx-trigger": re.compile(r"hx-trigger\s*=\s*(?:\"[^\"]*\[|'[^']*\[)"),
    "hx-on or js: needs eval": re.compile(r"\shx-on[:\s=-]|hx-(?:vals|headers)\s*=\s*[\"']\s*js:"),
    "an inline script": re.compile(
        r"<script(?![^>]*\bsrc=)(?![^>]*type=[\"']application/(?:ld\+)?json[\"'])"
    ),
    "an inline event handler": re.compile(r"<[a-z][^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "an inline style": re.compile(r"<style\b|<[a-z][^>]*\sstyle\s*=", re.IGNORECASE),
    "unescaped output": re.compile(r"\|\s*safe(?:seq)?\b|\{%\s*autoescape\s+off"),
    "a foreign address": re.compile(
        r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)\s*=\s*[\"'](?:https?:)?//"
    ),
}


def template_breaches(path: str, text: str) -> list[str]:
    """One line for each rule that the text breaks, with the line number."""
    return [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {rule}"
        for rule, pattern in RULES.items()
        for match in pattern.finditer(text)
    ]


def test_templates_break_no_rule() -> None:
    templates = [path for path in tracked() if path.endswith(".html") and not path.startswith("docs/")]
    texts = ((path, (ROOT / path).read_text(encoding="utf-8")) for path in templates)
    assert [breach for path, text in texts for breach in template_breaches(path, text)] == []


def test_planted_breaches_are_found() -> None:
    planted = {
        "a filter in hx-trigger": "<div\n hx-trigger=\"keyup[key=='a'] from:body\">",
        "hx-on or js: needs eval": "<div hx-on:click='go()'>",
        "an inline script": "<script>go()</script>",
        "an inline event handler": '<a href="/" onclick="go()">',
        "an inline style": '<p class="a" style="color: red">',
        "unescaped output": "{{ text|safe }}",
        "a foreign address": '<script src="//cdn.example.org/a.js">',
    }
    assert planted.keys() == RULES.keys()
    for rule, text in planted.items():
        assert template_breaches("a.html", f"\n{text}")[0].endswith(rule)


def test_plain_markup_breaks_no_rule() -> None:
    plain = """<script src="{% static 'js/htmx.js' %}" defer></script>
    <form hx-post="{% url 'decide' %}" hx-trigger="submit, every 5s" data-on="x"><a href="https://example.org">site</a>
    <script type="application/json" id="data">{{ data }}</script>{{ text|safe_name }}"""
    assert template_breaches("a.html", plain) == []
