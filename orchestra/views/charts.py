"""Bars of a chart, placed: plain numbers for a template that draws them. Pure; refuses colours, those are the style's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orchestra.runs.overview import Table

WIDTH: Final = 640
HEIGHT: Final = 160
#: Room for the words at the left and below.
LEFT: Final = 40
BELOW: Final = 24
ROW: Final = 28
WORDS: Final = 140


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `kind` counts the series from 0, `says` is what it shows in words."""

    kind: int
    x: float
    y: float
    width: float
    height: float
    says: str


@dataclass(frozen=True, slots=True)
class Label:
    """Words at a place; `end` says whether they end there."""

    text: str
    x: float
    y: float
    end: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything of one chart, and its numbers as a table: a head, and lines."""

    width: int
    height: int
    bars: Sequence[Bar]
    labels: Sequence[Label]
    names: Sequence[str]
    lines: Sequence[tuple[str, Sequence[int]]]
    is_empty: bool


def columns(table: Table) -> Chart:
    """Upright bars, the series of a label side by side; every fourth label is written."""
    top = _top(table)
    room = (WIDTH - LEFT) / max(len(table.labels), 1)
    thick = room * 0.8 / max(len(table.series), 1)
    bars = []
    for kind, series in enumerate(table.series):
        for at, number in enumerate(series.numbers):
            tall = (HEIGHT - BELOW) * number / top
            x, y = LEFT + at * room + kind * thick, HEIGHT - BELOW - tall
            says = f"{table.labels[at]}: {number} {series.name}"
            bars += (
                [Bar(kind, round(x, 1), round(y, 1), round(thick, 1), round(tall, 1), says)] if number else []
            )
    labels = [
        Label(text, round(LEFT + at * room, 1), HEIGHT - 6)
        for at, text in enumerate(table.labels)
        if at % 4 == 0
    ]
    scale = [Label(str(top), LEFT - 6, 12, end=True), Label("0", LEFT - 6, HEIGHT - BELOW, end=True)]
    return _chart(table, HEIGHT, bars, [*labels, *scale])


def rows(table: Table) -> Chart:
    """Lying bars, the series of a label one behind the other, with their sum at the end."""
    sums = [sum(series.numbers[at] for series in table.series) for at in range(len(table.labels))]
    top = max([*sums, 1])
    bars, labels = [], []
    for at, text in enumerate(table.labels):
        x, y = float(WORDS), at * ROW + 4.0
        for kind, series in enumerate(table.series):
            long = (WIDTH - WORDS - LEFT) * series.numbers[at] / top
            says = f"{text}: {series.numbers[at]} {series.name}"
            bars += [Bar(kind, round(x, 1), y, round(long, 1), ROW - 8, says)] if series.numbers[at] else []
            x += long
        labels += [Label(text, WORDS - 8, y + 15, end=True), Label(str(sums[at]), round(x + 6, 1), y + 15)]
    return _chart(table, max(len(table.labels), 1) * ROW, bars, labels)


def _chart(table: Table, height: int, bars: Sequence[Bar], labels: Sequence[Label]) -> Chart:
    lines = [(text, [series.numbers[at] for series in table.series]) for at, text in enumerate(table.labels)]
    return Chart(WIDTH, height, bars, labels, [series.name for series in table.series], lines, table.is_empty)


def _top(table: Table) -> int:
    return max([number for series in table.series for number in series.numbers] + [1])
