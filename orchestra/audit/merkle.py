"""Merkle trees of RFC 6962: root, inclusion and consistency proofs, and their checks. Pure, SHA-256.

Knows bytes only; what a leaf means is for `sealed` to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one leaf's bytes."""
    return sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node from its children's hashes."""
    return sha256(b"\1" + left + right).digest()


def root(leaves: Iterable[bytes]) -> bytes:
    """The root (32 bytes) over leaves in their order. Of none: the hash of nothing."""
    level = [leaf_hash(leaf) for leaf in leaves]
    if not level:
        return sha256(b"").digest()
    while len(level) > 1:
        level = _above(level)
    return level[0]


def _above(level: Sequence[bytes]) -> list[bytes]:
    """The level over this one. A last node without a partner goes up as it is."""
    pairs = zip(level[::2], level[1::2], strict=False)
    return [node_hash(left, right) for left, right in pairs] + [*level[len(level) & ~1 :]]


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The proof that the leaf at `index` is under the root: hashes from its side up. IndexError outside."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"no leaf {index} among {len(leaves)}")
    level = [leaf_hash(leaf) for leaf in leaves]
    proof: list[bytes] = []
    while len(level) > 1:
        partner = index ^ 1
        proof += level[partner : partner + 1]
        level, index = _above(level), index >> 1
    return proof


def includes(*, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows that a tree of this size and root has the leaf at the index."""
    if not 0 <= index < size:
        return False
    rest = iter(proof)
    found, last = leaf_hash(leaf), size - 1
    try:
        while last:
            if index & 1:
                found = node_hash(next(rest), found)
            elif index < last:
                found = node_hash(found, next(rest))
            index, last = index >> 1, last >> 1
    except StopIteration:
        return False
    return next(rest, None) is None and found == root


def consistency(leaves: Sequence[bytes], size: int) -> list[bytes]:
    """The proof that the first `size` leaves are an earlier state of this tree. IndexError outside."""
    if not 0 < size <= len(leaves):
        raise IndexError(f"no earlier tree of {size} in one of {len(leaves)}")
    return _subproof(leaves, size, whole=True)


def _subproof(leaves: Sequence[bytes], size: int, *, whole: bool) -> list[bytes]:
    """RFC 6962, 2.1.2. `whole`: the earlier tree's root is known to who checks."""
    if size == len(leaves):
        return [] if whole else [root(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if size <= split:
        return [*_subproof(leaves[:split], size, whole=whole), root(leaves[split:])]
    return [*_subproof(leaves[split:], size - split, whole=False), root(leaves[:split])]


def consistent(*, old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the old tree is the beginning of the new one (RFC 9162, 2.1.4.2)."""
    if not 0 < old_size <= size:
        return False
    if old_size == size:
        return old_root == root and not proof
    rest = iter(proof if old_size & (old_size - 1) else [old_root, *proof])
    try:
        found = _climb(old_size - 1, size - 1, rest)
    except StopIteration:
        return False
    return next(rest, None) is None and found == (old_root, root)


def _climb(index: int, last: int, rest: Iterator[bytes]) -> tuple[bytes, bytes]:
    """Both roots, from the last node that is whole in the old tree upwards. StopIteration when the proof is short."""
    while index & 1:
        index, last = index >> 1, last >> 1
    old = new = next(rest)
    while last:
        if index & 1:
            partner = next(rest)
            old, new = node_hash(partner, old), node_hash(partner, new)
        elif index < last:
            new = node_hash(new, next(rest))
        index, last = index >> 1, last >> 1
    return old, new
