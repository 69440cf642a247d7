"""What can be wrong with the record, and what to do about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """One word for each kind of damage."""

    EDITED = "edited"
    DELETED = "deleted"
    MOVED = "moved"
    INSERTED = "inserted"
    REPLACED = "replaced"
    FORKED = "forked"
    BACKDATED = "backdated"
    CUT = "cut"
    HEAD = "head"
    LIFE = "life"
    ROW = "row"
    REBUILT = "rebuilt"
    SEAL = "seal"
    FILE = "file"


ADVICE = {
    Fault.EDITED: "compare this link with an older export or backup",
    Fault.DELETED: "look for the missing links in an older export or backup",
    Fault.MOVED: "compare the order of this chain with an older export or backup",
    Fault.INSERTED: "compare this chain with an older export or backup: somebody wrote round the app",
    Fault.REPLACED: "compare the link before this one with an older export or backup",
    Fault.FORKED: "find out which of the two an older export or seal knows; the other was written round the app",
    Fault.BACKDATED: "compare this link with an older export; if all chains show it, look at the server's clock",
    Fault.CUT: "look for the missing links in an older export or backup",
    Fault.HEAD: "compare the head with an older export or seal: it was written round the app",
    Fault.LIFE: "compare this object's events with an older export: one is false or missing",
    Fault.ROW: "compare the row with its events: it was written round the app",
    Fault.REBUILT: "take the sealed state as true and look for it in an export or backup of that time",
    Fault.SEAL: "get the seals from where they were exported to, and the public key from who keeps it",
    Fault.FILE: "get the file again from its source",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken place. `chain` is empty when it is about the whole; `seq` is the link, if there is one."""

    fault: Fault
    what: str
    chain: str = ""
    seq: int | None = None

    def __str__(self) -> str:
        place = f"chain {shown(self.chain)}" if self.chain else "record"
        link = f" link {self.seq}" if self.seq is not None else ""
        return f"{self.fault}: {place}{link}: {self.what}; {ADVICE[self.fault]}"


def shown(text: str) -> str:
    """A text from outside on one line, without anything a terminal would obey."""
    return text[:100] if text.isprintable() else ascii(text)[1:101]
