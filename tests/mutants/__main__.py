"""`python -m tests.mutants [WORD]`: takes one guard after the other out of a copy, and runs the tests that must notice.

Prints a table. Exit codes: 0 every mutant was killed, 1 one survived, 2 the tests do not pass without any mutant.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.mutants.guards import ALL
from tests.mutants.mutant import ROOT, Mutant

SURVIVED, RED = 1, 2
TESTS_FAILED = 1  # of pytest's exit codes; the others mean that no test was run


def main(words: Sequence[str]) -> int:
    """Run the mutants whose names hold one of the words; all of them without words."""
    chosen = [each for each in ALL if not words or any(word in each.name for word in words)]
    with copy() as folder:
        if not passes(folder, sorted({test for each in chosen for test in each.tests})):
            print("The tests fail without any mutant: mend them first.", file=sys.stderr)
            return RED
        survivors = [each for each in chosen if not killed(folder, each)]
    print(f"\n{len(chosen) - len(survivors)} of {len(chosen)} mutants were killed.")
    return SURVIVED if survivors else 0


@contextmanager
def copy() -> Iterator[Path]:
    """A copy of the files that git knows or would take, without what they were built into."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="orchestra-mutants-") as made:
        folder = Path(made)
        for name in filter(None, listed):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        yield folder


def killed(folder: Path, mutant: Mutant) -> bool:
    """Whether a test fails with the mutant in place."""
    before = {change.file: (folder / change.file).read_text() for change in mutant.changes}
    began = time.monotonic()
    try:
        for change in mutant.changes:
            change.make(folder)
        code = run(folder, mutant.tests)
    finally:
        for name, text in before.items():
            (folder / name).write_text(text)
    word = "killed" if code == TESTS_FAILED else f"SURVIVED (pytest {code})"
    print(f"| {mutant.invariant} | {mutant.name} | {word} | {time.monotonic() - began:.0f} s |", flush=True)
    return code == TESTS_FAILED


def passes(folder: Path, tests: Iterable[str]) -> bool:
    """Whether the tests pass as they are."""
    return run(folder, tests) == 0


def run(folder: Path, tests: Iterable[str]) -> int:
    """Run tests in the copy; the first failure is enough."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
