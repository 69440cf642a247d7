"""Merkle trees against the definition in RFC 6962, the known vectors, and damaged proofs."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.audit import merkle

# The test leaves and roots that implementations of Certificate Transparency share.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SOME = st.lists(st.binary(max_size=8), min_size=1, max_size=40)


def defined_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + defined_root(leaves[:split]) + defined_root(leaves[split:])).digest()


@pytest.mark.parametrize("size", range(9))
def test_the_known_roots_come_out(size: int) -> None:
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size]


def test_the_known_proofs_come_out() -> None:
    assert [part.hex() for part in merkle.inclusion(LEAVES, 5)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [part.hex() for part in merkle.consistency(LEAVES, 6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(SOME)
def test_the_root_is_the_defined_one(leaves: list[bytes]) -> None:
    assert merkle.root(leaves) == defined_root(leaves)


@given(SOME, st.data())
def test_each_leaf_is_shown_to_be_included(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, root = merkle.inclusion(leaves, index), merkle.root(leaves)
    shows = {"size": len(leaves), "proof": proof, "root": root}
    assert merkle.includes(leaf=leaves[index], index=index, **shows)  # type: ignore[arg-type]
    assert not merkle.includes(leaf=leaves[index] + b"!", index=index, **shows)  # type: ignore[arg-type]
    for damaged in damages(proof):
        shows["proof"] = damaged
        assert not merkle.includes(leaf=leaves[index], index=index, **shows)  # type: ignore[arg-type]


@given(SOME, st.data())
def test_an_earlier_tree_is_shown_to_be_the_beginning(leaves: list[bytes], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(leaves)))
    old, root, proof = merkle.root(leaves[:size]), merkle.root(leaves), merkle.consistency(leaves, size)

    def shown(*, old_root: bytes = old, new_root: bytes = root, by: list[bytes] = proof) -> bool:
        return merkle.consistent(old_size=size, old_root=old_root, size=len(leaves), root=new_root, proof=by)

    assert shown()
    assert not shown(old_root=bytes(32))
    assert not shown(new_root=bytes(32))
    assert not any(shown(by=damaged) for damaged in damages(proof))


@given(SOME, st.data())
def test_a_rewritten_past_is_not_the_beginning(leaves: list[bytes], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(leaves)))
    changed = data.draw(st.integers(0, size - 1))
    old = merkle.root(leaves[:size])
    rewritten = [*leaves[:changed], leaves[changed] + b"!", *leaves[changed + 1 :]]
    assert not merkle.consistent(
        old_size=size,
        old_root=old,
        size=len(leaves),
        root=merkle.root(rewritten),
        proof=merkle.consistency(rewritten, size),
    )


@pytest.mark.parametrize("index", [-1, 8])
def test_there_is_no_proof_for_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError):
        merkle.inclusion(LEAVES, index)
    assert not merkle.includes(leaf=b"", index=index, size=8, proof=[], root=merkle.root(LEAVES))


@pytest.mark.parametrize("size", [0, 9])
def test_there_is_no_earlier_tree_of_that_size(size: int) -> None:
    with pytest.raises(IndexError):
        merkle.consistency(LEAVES, size)
    root = merkle.root(LEAVES)
    assert not merkle.consistent(old_size=size, old_root=root, size=8, root=root, proof=[])


def damages(proof: list[bytes]) -> list[list[bytes]]:
    """A proof that is too long, too short, out of order or wrong in one place."""
    wrong = [[*proof[:at], bytes(32), *proof[at + 1 :]] for at in range(len(proof))]
    turned = [proof[::-1]] if proof != proof[::-1] else []
    return [[*proof, bytes(32)], *([proof[:-1]] if proof else []), *wrong, *turned]
