"""What a mutant is: one guard taken out by a change of a line or two, and the tests that must then fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Change:
    """One text of a file, which is there exactly once, and what stands there instead."""

    file: str
    old: str
    new: str

    def occurs(self, root: Path = ROOT) -> int:
        """How often the text is there."""
        return (root / self.file).read_text().count(self.old)

    def make(self, root: Path) -> None:
        """Change it below this folder. The result is Python."""
        path = root / self.file
        changed = path.read_text().replace(self.old, self.new)
        compile(changed, str(path), "exec")
        path.write_text(changed)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A sabotage. `invariant` is what it breaks, in the numbers of the reliability document."""

    name: str
    invariant: str
    changes: Sequence[Change]
    tests: Sequence[str]


def mutant(name: str, invariant: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    """A sabotage in one place."""
    return Mutant(name, invariant, (Change(file, old, new),), tests)
