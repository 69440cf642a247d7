"""What people write to us: reasons that are kept in the record and shown to others."""

from __future__ import annotations

from orchestra import canonical
from orchestra.errors import Invalid

LONGEST = 4_000


def reason(text: str, *, needed: str = "") -> str:
    """The text without blanks around it, fit to be stored.

    Raises Invalid for NUL and broken characters, for more than 4,000 characters, and, with the sentence in
    `needed`, when nothing is left.
    """
    kept = str(canonical.check(text)).strip()
    if len(kept) > LONGEST:
        raise Invalid.at("/reason", f"At most {LONGEST} characters.")
    if needed and not kept:
        raise Invalid.at("/reason", needed)
    return kept
