"""The ledger as a page for people: plain HTML, everything escaped, no script. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import quote

ROWS = 100
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

STYLE = b"""\
:root { color-scheme: light dark; --line: light-dark(#d8d8de, #3a3a42); --soft: light-dark(#5c5c66, #a5a5b0); }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
       color: light-dark(#1b1b20, #e9e9ee); background: light-dark(#ffffff, #16161a); }
p, .soft { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .35rem .75rem .35rem 0; text-align: left; vertical-align: top;
         border-bottom: 1px solid var(--line); }
td:first-child, th:first-child { text-align: right; font-variant-numeric: tabular-nums; }
code { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
time { white-space: nowrap; }
a { color: inherit; }
"""

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ledger of the shop</title>
<link rel="stylesheet" href="/ledger.css">
</head>
<body>
<h1>Ledger of the shop</h1>
<p>{intro}</p>
<form method="get" action="/ledger">
<label for="world">World</label>
<input id="world" name="world" value="{world}" maxlength="100">
<button>Show</button>
</form>
<div class="scroll">
<table>
<thead><tr><th scope="col">No.</th><th scope="col">When (UTC)</th><th scope="col">World</th>
<th scope="col">Tool</th><th scope="col">Changed</th><th scope="col">Key</th>
<th scope="col">Arguments</th><th scope="col">Result</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>
</body>
</html>
"""


def ledger(effects: Sequence[dict[str, Any]], *, world: str | None) -> str:
    """The page with these effects, the newest first."""
    where = f" in the world {escape(world)}" if world else ""
    intro = f"What took effect{where}, the newest first, {ROWS} at most. Refused calls leave no line here."
    rows = "\n".join(map(_row, effects)) or '<tr><td colspan="8">Nothing took effect yet.</td></tr>'
    return _PAGE.format(intro=intro, world=escape(world or ""), rows=rows)


def _row(effect: dict[str, Any]) -> str:
    world = str(effect["world"])
    at = str(effect["at"])
    cells = [
        str(int(effect["number"])),
        f'<time datetime="{escape(at)}">{escape(at[:19].replace("T", " "))}</time>',
        f'<a href="/ledger?world={escape(quote(world, safe=""))}">{escape(world)}</a> #{int(effect["seq"])}',
        escape(str(effect["tool"])),
        escape(str(effect["object"])),
        f"<code>{escape(str(effect['key'] or 'none'))}</code>",
        _short(effect["arguments_digest"]),
        _short(effect["result_digest"]),
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _short(digest: str) -> str:
    return f'<code title="{escape(digest)}">{escape(digest[:12])}</code>'
