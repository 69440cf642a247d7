"""The production documents name only what there is: commands, options, variables, files, paths, metrics."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from orchestra.metrics import exposition

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["production.md", "start.md", "concepts.md", "threat-model.md", "operations.md"]
DEPLOY = sorted(path.name for path in (ROOT / "deploy").iterdir())
#: Read by others than our settings.
OTHERS = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "STATIC_ROOT", "ALLOWED_HOSTS"}


def text(name: str) -> str:
    """A document."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def deployed(name: str) -> str:
    """A file of deploy/."""
    return (ROOT / "deploy" / name).read_text(encoding="utf-8")


def variables() -> set[str]:
    """The variables that the settings read."""
    tree = ast.parse((ROOT / "orchestra" / "settings.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    return {
        node.args[0].value
        for node in calls
        if isinstance(node.func, ast.Attribute)
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_are_named_are_there(page: str) -> None:
    known = {*get_commands(), "changepassword"}
    assert {name for name in re.findall(r"manage\.py ([a-z_]+)", text(page)) if name not in known} == set()


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_linked_are_there(page: str) -> None:
    links = re.findall(r"\]\(((?!https?:|#)[^)#]+)", text(page))
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


def test_variables_that_are_set_are_read() -> None:
    known = variables() | OTHERS
    named = set(re.findall(r"^([A-Z][A-Z_]+)=", deployed("environment.example"), re.MULTILINE))
    named |= set(re.findall(r"`([A-Z]+_[A-Z_]+?)(?:_FILE)?`", text("production.md")))
    named |= set(re.findall(r"\b([A-Z]+_[A-Z_]+)=", deployed("Containerfile")))
    assert {name for name in named if name.removesuffix("_FILE") not in known} == set()


def test_metrics_that_are_named_are_there() -> None:
    names = {f"{family.name}_total" if family.counter else family.name for family in exposition.FAMILIES}
    assert (
        set(re.findall(r"`(orchestra_[a-z_]+)`", text("production.md")))
        - {"orchestra_app", "orchestra_owner"}
        <= names
    )


@pytest.mark.parametrize("name", ["orchestra-web.service", "orchestra-work@.service"])
def test_units_are_shut_in(name: str) -> None:
    unit = deployed(name)
    for line in (
        "User=orchestra",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "PrivateTmp=yes",
    ):
        assert f"\n{line}\n" in unit
    assert not re.search(r"PASSWORD|SECRET_KEY=", unit)


def test_image_copies_what_there_is_and_is_not_root() -> None:
    lines = deployed("Containerfile").splitlines()
    copied = [
        part
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for part in line.split()[1:-1]
    ]
    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert "USER 10001" in lines
    assert any("--require-hashes" in line for line in lines)


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_proxies_replace_what_they_say_of_a_request(name: str) -> None:
    proxy = deployed(name)
    assert "X-Forwarded-Proto" in proxy
    assert "X-Forwarded-For" in proxy
    assert "$proxy_add_x_forwarded_for" not in proxy


def test_every_file_of_deploy_is_told_of() -> None:
    assert [name for name in DEPLOY if name not in text("production.md")] == []


def test_tests_that_the_threat_model_names_are_there() -> None:
    named = set(re.findall(r"`(tests/[a-z0-9_/]+\.py)`", text("threat-model.md")))
    assert len(named) > 20
    assert sorted(path for path in named if not (ROOT / path).exists()) == []
    assert [
        f"| T{number} |" for number in range(1, 25) if f"| T{number} |" not in text("threat-model.md")
    ] == []
