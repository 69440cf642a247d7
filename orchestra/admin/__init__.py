"""The administration: what an admin configures, and the record to read. One module for each family."""

from orchestra.admin import (
    addresses,
    definitions,
    deployments,
    drafts,
    groups,
    history,
    people,
    record,
    signing,
    systems,
    tools,
)

__all__ = [
    "addresses",
    "definitions",
    "deployments",
    "drafts",
    "groups",
    "history",
    "people",
    "record",
    "signing",
    "systems",
    "tools",
]
