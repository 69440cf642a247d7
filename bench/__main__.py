"""Runs a workload: `python -m bench W1`. Prints a table and writes JSON beside it."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from bench import limit, stage, w8_rulings

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Measure in rounds, the limit and ours in turn, and tell the medians."""
    options = _options()
    if options.workload == "W8":
        _rulings(options.rounds)
        return
    with stage.set_up("bench.functions") as made:
        w1 = import_module("bench.w1")  # its models can be imported only now that Django knows the database
        w1.prepare()
        rounds, limits = [], []
        for number in range(options.rounds):
            if made.services.postgres is not None:
                limits.append(
                    limit.steps_per_second(made.services.postgres, made.folder, clients=4, seconds=5)
                )
            rounds.append(w1.measure(made, runs=options.runs, workers=options.workers))
            print(
                f"round {number + 1}: {rounds[-1].steps_per_second:,.0f} steps/s in {rounds[-1].seconds:.1f} s"
            )
    result = {
        "workload": "W1",
        **_where(),
        "steps_per_second": round(statistics.median(found.steps_per_second for found in rounds)),
        "limit_4_clients": round(statistics.median(limits)) if limits else None,
        "hint_share": round(statistics.median(found.hint_share for found in rounds), 3),
        "rounds": [asdict(found) for found in rounds],
    }
    _keep("w1", result)
    print(
        f"W1: {result['steps_per_second']} steps/s (median of {options.rounds}); "
        f"limit {result['limit_4_clients']}; share of advances begun by a hint {result['hint_share']}"
    )


def _rulings(rounds: int) -> None:
    """W8: the median round of each figure."""
    measured = [w8_rulings.measure() for _ in range(rounds)]
    figures = {
        name: sorted((each[name] for each in measured), key=lambda found: found.per_second)[rounds // 2]
        for name in measured[0]
    }
    _keep("w8", {"workload": "W8", **_where(), **{name: asdict(found) for name, found in figures.items()}})
    for name, found in figures.items():
        print(
            f"W8: {found.per_second:,.0f} rulings/s {name} (median of {rounds}, one core; {found.rules} rules, "
            f"{found.observed_bytes} bytes observed)"
        )
        for tool, rate in found.by_tool.items():
            print(f"  {tool:34}{rate:>10,.0f}")


def _where() -> dict[str, str]:
    machine = f"{platform.machine()}, {_cores()} cores, Python {platform.python_version()}"
    return {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine}


def _keep(name: str, result: Mapping[str, object]) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=["W1", "W8"])
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
