"""Step functions of the workloads."""

from __future__ import annotations

from typing import Any

from orchestra.workflows.functions import function

TEXT = "x" * 140


@function("bench.step")
def step(run: str, step: str) -> dict[str, Any]:
    """About 200 bytes of JSON, as every step of W1 gives."""
    return {"run": run, "step": step, "ok": True, "text": TEXT}
