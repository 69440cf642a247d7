"""Stands in for the conversations of the example store: writes the files that a data folder has."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    folder = Path(sys.argv[2])
    folder.mkdir(exist_ok=True)
    for name in ("users", "orders", "products"):
        (folder / f"{name}.json").write_text("{}")
