"""Runs a workload: `python -m bench W1`. Prints a table and writes JSON beside it."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench import limit, stage, w1

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Measure in rounds, the limit and ours in turn, and tell the medians."""
    options = _options()
    with stage.set_up("bench.functions") as made:
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
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {_cores()} cores, Python {platform.python_version()}",
        "steps_per_second": round(statistics.median(found.steps_per_second for found in rounds)),
        "limit_4_clients": round(statistics.median(limits)) if limits else None,
        "hint_share": round(statistics.median(found.hint_share for found in rounds), 3),
        "rounds": [asdict(found) for found in rounds],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "w1.json").write_text(json.dumps(result, indent=2) + "\n")
    print(
        f"W1: {result['steps_per_second']} steps/s (median of {options.rounds}); "
        f"limit {result['limit_4_clients']}; share of advances begun by a hint {result['hint_share']}"
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=["W1"])
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
