"""Published policies: immutable versions, which of them are in force in an environment, and since when.

Refuses to read files (see `parse`) and to decide who may publish.
"""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from orchestra.errors import Bug
from orchestra.models import Environment, Person, Policy, PolicyPublication, PolicyVersion
from orchestra.policies import stored
from orchestra.policies.document import Document

#: Versions kept in memory, parsed; they never change.
MOST_KEPT = 512
_kept: dict[UUID, Document] = {}


def in_force(environment: str) -> tuple[Document, ...]:
    """The policies that are in force there now, by name. One small query; the same tuple while nothing changes."""
    found = PolicyPublication.objects.filter(environment__name=environment, until__isnull=True)
    return _documents(tuple(found.order_by("policy__name").values_list("version__uid", flat=True)))


@transaction.atomic
def publish(
    document: Document, *, source: str, by: Person, place: Environment, author: Person | None = None
) -> tuple[PolicyVersion, bool]:
    """Put a policy in force in an environment, in the place of its version before; the flag tells of any change.

    `author` is who wrote it, if that is not who publishes it.

    A document that means the same as an earlier version is that version. Two people who publish one policy at
    once are put one after the other; the later one is in force.
    """
    policy, _ = Policy.objects.get_or_create(name=document.name)
    policy = Policy.objects.select_for_update().get(pk=policy.pk)
    version = _version(policy, document, source, author or by)
    former = policy.publications.filter(environment=place, until__isnull=True).first()
    if former is not None and former.version_id == version.pk:
        return version, False
    if former is not None:
        policy.publications.filter(pk=former.pk).update(until=Now())
    policy.publications.create(version=version, environment=place, published_by=by, since=Now())
    return version, True


def _version(policy: Policy, document: Document, source: str, by: Person) -> PolicyVersion:
    digest = stored.digest(document)
    same = policy.versions.filter(digest=digest).first()
    if same is not None:
        return same
    last = policy.versions.order_by("-number").values_list("number", flat=True).first()
    return policy.versions.create(
        number=(last or 0) + 1, document=stored.dump(document), source=source, digest=digest, author=by
    )


@lru_cache(maxsize=64)
def _documents(versions: tuple[UUID, ...]) -> tuple[Document, ...]:
    """The same tuple for the same versions, so that its rulebook is made once. One query for all that are new."""
    missing = [version for version in versions if version not in _kept]
    if missing:
        rows = PolicyVersion.objects.select_related("author").filter(uid__in=missing)
        found = {row.uid: document(row) for row in rows}
    else:
        found = {}
    documents = tuple(found.get(version) or _kept[version] for version in versions)
    if len(_kept) + len(found) > MOST_KEPT:
        _kept.clear()
    _kept.update(found)
    return documents


def document(row: PolicyVersion) -> Document:
    """What a version says; it comes with its author. Raises Bug when it is not what was published."""
    found = stored.load(row.document, version=row.number, author=row.author.name)
    if found.digest != bytes(row.digest).hex():
        raise Bug(f"policy {found.name} v{row.number} is not what was published; nothing is judged by it")
    return found
