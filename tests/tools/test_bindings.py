"""A binding says where tools are, in words the edge would accept; labels fill its path and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from orchestra.documents.envelopes import envelopes
from orchestra.errors import Invalid
from orchestra.tools import bindings
from orchestra.tools.bindings import Binding
from tests.tools.files import HEAD, SIZE

STORE = """
  tools: [get_*]
  base_url: http://127.0.0.1:8100/worlds/{world}
  labels: [world]
  secret: env:STORE_TOKEN
  allow: ["127.0.0.1:8100"]
  at_once: 5
"""
LEAST = "\n  tools: [t]\n  base_url: https://shop.example.org\n"


def binding(spec: str) -> Binding:
    (found,) = envelopes(HEAD.replace("kind: tool", "kind: binding") + spec.lstrip("\n"))
    return bindings.parse(found)


def wrong(spec: str) -> str:
    with pytest.raises(Invalid) as caught:
        binding(spec)
    return " | ".join(f"{(problem.line or 0) - SIZE}: {problem.message}" for problem in caught.value.problems)


def test_a_binding_is_read_with_a_bearer_token_as_its_usual_secret() -> None:
    found = binding(STORE)
    assert (found.tools, found.labels, found.allow, found.at_once) == (
        ("get_*",),
        ("world",),
        ("127.0.0.1:8100",),
        5,
    )
    assert (found.secret, found.secret_header, found.secret_prefix) == (
        "env:STORE_TOKEN",
        "Authorization",
        "Bearer ",
    )


def test_another_header_can_carry_the_secret() -> None:
    found = binding(LEAST + "  secret: {reference: 'env:SHOP_KEY', header: X-Api-Key}\n")
    assert (found.secret, found.secret_header, found.secret_prefix) == ("env:SHOP_KEY", "X-Api-Key", "")


def test_without_a_secret_no_header_is_named() -> None:
    assert (binding(LEAST).secret, binding(LEAST).secret_header) == ("", "")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (
            LEAST.replace("https", "ftp"),
            "2: 'ftp://shop.example.org' is not allowed here (scheme, host, port",
        ),
        (LEAST.replace("shop.example.org", "a:b@shop.example.org"), "2: The base URL must hold no user name"),
        (LEAST.replace("shop.example.org", "127.1"), "2: 127.1 is an unusual way"),
        (LEAST.replace("https://shop.example.org", "http://127.0.0.1:8100"), "2: 127.0.0.1 is refused"),
        (LEAST.replace("shop.example.org", "{world}.example.org"), "2: The base URL holds"),
        (LEAST.replace("example.org", "example.org/{world}"), "2: the label 'world' is not among `labels`"),
        (LEAST + "  labels: [world]\n", "3: no gap {world} of base_url takes this label"),
        (LEAST + "  secret: hunter2\n", "3: A secret reference reads env:NAME"),
        (LEAST + "  secret: env:DATABASE_URL\n", "3: DATABASE_URL configures Orchestra itself"),
        (LEAST + "  allow: [0.0.0.0/0]\n", "3: 0.0.0.0/0 opens too much"),
        (LEAST.replace("[t]", "['T!']"), "1: 'T!' is not allowed here (a name, or * and ?"),
        (LEAST.replace("[t]", "[]"), "1: this list needs at least 1 entry"),
    ],
)
def test_what_is_wrong_is_said_in_its_line(spec: str, says: str) -> None:
    assert says in wrong(spec)


def test_labels_of_the_task_fill_the_path() -> None:
    found = bindings.address(
        "http://127.0.0.1:8100/worlds/{world}/", ("world",), {"world": "run-7", "x": "y"}
    )
    assert (found.origin, found.prefix) == ("http://127.0.0.1:8100", "/worlds/run-7")
    assert str(found) == "http://127.0.0.1:8100/worlds/run-7"


def test_an_address_without_a_path_has_an_empty_prefix() -> None:
    assert bindings.address("https://shop.example.org", (), {}).prefix == ""


@pytest.mark.parametrize("value", ["", "..", "a/b", "a.b", "a b", "é", "x" * 81, "a%2fb", None, 7, ["a"]])
def test_a_label_that_is_not_plain_is_refused(value: Any) -> None:
    with pytest.raises(Invalid, match="needs the label 'world' on the task"):
        bindings.address("https://shop.example.org/{world}", ("world",), {"world": value})


def test_a_label_that_is_missing_or_not_named_by_the_binding_is_refused() -> None:
    with pytest.raises(Invalid, match="needs the label 'world'"):
        bindings.address("https://shop.example.org/{world}", ("world",), {})
    with pytest.raises(Invalid, match="does not take its address from the label"):
        bindings.address("https://shop.example.org/{world}", (), {"world": "w"})
