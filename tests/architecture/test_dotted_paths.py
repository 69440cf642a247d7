"""Dotted paths in texts are imports that the linter of layers cannot see: each one is listed here, and resolves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import PRODUCT, breaches, module_name, modules, parsed, planted

LOOKS_DOTTED = re.compile(r"(?:orchestra|reviews|examples)(?:\.[A-Za-z_]\w*)+")
# Django's name for a model. One of reviews is still listed: orchestra must not name what is above it.
MODEL_LABEL = re.compile(r"orchestra\.[A-Z]\w*")
FILES = (*PRODUCT, "examples/")

# Text -> who loads it, and why it cannot be a plain import. A new one is a decision: add it with its reason.
EXPECTED: dict[str, str] = {
    "orchestra.settings": "DJANGO_SETTINGS_MODULE of manage.py and wsgi.py",
    "orchestra.urls": "Django: ROOT_URLCONF",
    "orchestra.wsgi.application": "Django: WSGI_APPLICATION",
    "orchestra.views.tracing.RequestTrace": "Django: MIDDLEWARE",
    "orchestra.views.problems.Problems": "Django: MIDDLEWARE",
    "orchestra.views.sites.OwnSite": "Django: MIDDLEWARE",
    "orchestra.api.border.Border": "Django: MIDDLEWARE",
    "orchestra.views.problems.csrf": "Django: CSRF_FAILURE_VIEW",
    "orchestra.views.frame.frame": "Django: context processor of every page",
    "orchestra.apps.AdministrationConfig": "Django: INSTALLED_APPS, the administration with our own site",
    "orchestra.views.administration.Administration": "Django: the site that the administration uses, loaded when it is asked for",
    "orchestra.views.accounts.Accounts": "allauth: ACCOUNT_ADAPTER",
    "orchestra.views.identities.Identities": "allauth: SOCIALACCOUNT_ADAPTER",
    "orchestra.views.sessions.IdleEnd": "Django: MIDDLEWARE",
    "orchestra.views.accounts.SecondFactors": "allauth: MFA_ADAPTER",
    "reviews.views.bar.bar": "Django: context processor; settings are the composition root, which may name all",
    "reviews.views.undo.undo": "Django: context processor, as above",
    "reviews.urls": "Django: included by the site's addresses",
    "orchestra.views.policies.urls": "Django: included by the site's addresses",
    "orchestra.views.runs.urls": "Django: included by the site's addresses",
    "orchestra.views.halts.urls": "Django: included by the site's addresses",
    "orchestra.views.tasks.urls": "Django: included by the site's addresses",
    "orchestra.views.deliveries.urls": "Django: included by the site's addresses",
    "orchestra.logs.LineFormatter": "logging configuration",
    "orchestra.logs.ContextFilter": "logging configuration",
    "orchestra.jobs.advance": "RQ: a job names its function, so that web processes need not import the worker",
    "orchestra.wsgi:application": "granian, started by the local supervisor",
    "examples.steps": "settings: default of ORCHESTRA_STEP_FUNCTIONS, which name a user's own code",
    "examples.store.scripts": "python -m, run by the demo: records the store's own conversations into a folder",
    "examples.store": "python -m, started by the demo and by a replay: the store is a foreign system, and a process of its own",
}
# Texts that look like paths but are none, such as permissions and audit event names -> what they are.
NO_PATHS: dict[str, str] = {
    "orchestra.call.v1": "domain of the digests of tool calls",
    "orchestra.audit.v1": "domain of the digest of an event",
    "orchestra.export.v1": "format of an export",
    "orchestra.seal.v1": "format of a seal",
}


def dotted_texts(path: str, tree: ast.Module) -> Iterator[str]:
    """Literals of a module that look like a path into our own code; docstrings are prose and left out."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in prose:
            continue
        if LOOKS_DOTTED.fullmatch(node.value.partition(":")[0]) and not MODEL_LABEL.fullmatch(node.value):
            yield node.value


def resolves(dotted: str) -> bool:
    """Whether the path is a module of ours, or a name that such a module binds at its top."""
    dotted = dotted.replace(":", ".")
    if is_module(dotted):
        return True
    module, _, name = dotted.rpartition(".")
    return is_module(module) and name in bound_names(module)


def is_module(dotted: str) -> bool:
    """Whether a file of ours has this module name. Nothing is imported for it."""
    return dotted in {module_name(path) for path in modules(FILES)}


def bound_names(module: str) -> set[str]:
    """Names that the module defines, assigns or imports at its top."""
    path = next(path for path in modules(FILES) if module_name(path) == module)
    found: set[str] = set()
    for node in parsed(path).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {
                part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)
            }
    return found


def test_every_dotted_path_is_listed() -> None:
    found = set(breaches(dotted_texts, PRODUCT)) - set(NO_PATHS)
    assert sorted(found - set(EXPECTED)) == [], (
        "new dotted paths: list each one with its reason, or import it"
    )


def test_no_listed_path_is_left_over() -> None:
    found = set(breaches(dotted_texts, PRODUCT))
    assert sorted({*EXPECTED, *NO_PATHS} - found) == []


def test_every_dotted_path_resolves() -> None:
    assert [dotted for dotted in EXPECTED if not resolves(dotted)] == []


def test_planted_dotted_paths_are_found() -> None:
    assert planted(dotted_texts, "load('orchestra.engine.submit')")
    assert planted(dotted_texts, "load('orchestra.wsgi:application')")
    assert planted(dotted_texts, "TASKS = ['reviews.reminders.send']")
    assert not planted(dotted_texts, '"""orchestra.engine.submit"""')
    assert not planted(dotted_texts, "print('orchestra. is a word')")


def test_model_names_count_only_when_they_point_upwards() -> None:
    assert not planted(dotted_texts, "owner = ForeignKey('orchestra.Person')")
    assert planted(dotted_texts, "task = ForeignKey('reviews.Reminder')")


def test_a_planted_wrong_path_does_not_resolve() -> None:
    assert resolves("orchestra.errors.Invalid")
    assert not resolves("orchestra.errors.Missing")
    assert not resolves("orchestra.missing")
