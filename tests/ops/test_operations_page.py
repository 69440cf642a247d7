"""The page for operators names every variable, log event and metric that the code has, and no other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from orchestra.metrics import exposition, readings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def modules() -> list[Path]:
    """Every module of the product."""
    return [path for package in ("orchestra", "reviews") for path in (ROOT / package).rglob("*.py")]


def parsed(path: Path) -> ast.Module:
    """Its syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def rows(heading: str) -> list[list[str]]:
    """Cells of the table below a heading, without its head."""
    part = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def listed(heading: str) -> set[str]:
    """The first column of the table below a heading."""
    return {row[0].strip("`") for row in rows(heading)}


# Event -> its fields; what any event may have is said above the table.
EVENTS = {name.strip("`"): set(fields.split(", ")) - {""} for name, _, fields, _ in rows("Log events")}
ANY = {"level", "error", "run", "request_id"}


def events(path: Path) -> Iterator[tuple[str, set[str]]]:
    """Name and own fields of every event that a module logs; the name is "" where it comes from a variable."""
    for node in ast.walk(parsed(path)):
        match node:
            case ast.Call(func=callee, args=[first], keywords=keywords) if (
                ast.unparse(callee) == "logs.event"
            ):
                name = str(first.value) if isinstance(first, ast.Constant) else ""
                yield name, {keyword.arg for keyword in keywords if keyword.arg} - ANY


def calls(path: Path) -> Iterator[tuple[str, str]]:
    """Callee and first argument of every call whose first argument is a literal text."""
    for node in ast.walk(parsed(path)):
        match node:
            case ast.Call(func=callee, args=[ast.Constant(value=str(text)), *_]):
                yield ast.unparse(callee), text


def test_every_variable_of_the_settings_is_listed() -> None:
    settings = ROOT / "orchestra" / "settings.py"
    read = {name for callee, name in calls(settings) if callee.startswith("env.") and name.isupper()}
    assert len(read) > 20
    assert listed("Environment variables") == read


def test_every_log_event_is_listed_with_its_fields() -> None:
    logged = [event for path in modules() for event in events(path) if event[0]]
    assert [name for name, _ in logged if name not in EVENTS] == []
    assert [(name, fields - EVENTS[name]) for name, fields in logged if not fields <= EVENTS[name]] == []


def test_no_log_event_is_listed_that_the_code_does_not_have() -> None:
    words = {
        node.value for path in modules() for node in ast.walk(parsed(path)) if isinstance(node, ast.Constant)
    }
    assert EVENTS.keys() - words == set()


def test_every_metric_is_listed() -> None:
    names = {f"{family.name}_total" if family.counter else family.name for family in exposition.FAMILIES}
    names |= {"orchestra_redis_up", "orchestra_rq_queue_length"}
    names |= {"orchestra_database_up", "orchestra_scrape_errors"}
    assert listed("Metrics") == names


def test_the_caps_that_the_metrics_tell_are_the_real_ones() -> None:
    capped = [family.help for family in exposition.FAMILIES if "up to" in family.help]
    assert len(capped) == 3
    assert all(f"up to {readings.CAP}." in text for text in capped)
