"""What the operations share of their bodies: where something is deployed, who somebody is, reasons, documented errors."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from orchestra.api.problems import ProblemBody
from orchestra.errors import Bug
from orchestra.models import Deployment, Person, ServiceAccount, Task
from orchestra.people.roles import Holder

#: A text that goes into the record or a column; what cannot be stored has been refused with the body.
Short = Annotated[str, Field(max_length=200)]
Cursor = Annotated[
    str, Field(max_length=400, description="`next` of the page before; empty: the first page.")
]


class Given(BaseModel):
    """A body that comes in: fields that nobody knows are refused."""

    model_config = ConfigDict(extra="forbid")


class Place(BaseModel):
    """A workflow in an environment."""

    workflow: str
    environment: str


class Who(BaseModel):
    """A person or a system."""

    kind: str = Field(description="person or service")
    name: str
    full_name: str


class Reason(Given):
    """Why."""

    reason: str = Field(
        min_length=1, max_length=4_000, description="Kept in the record, and shown to others."
    )


def place(deployment: Deployment) -> Place:
    """Where a deployment is. The caller has loaded workflow and environment."""
    return Place(workflow=deployment.workflow.name, environment=deployment.environment.name)


def who(holder: Holder) -> Who:
    """Somebody, as others may know them."""
    kind = "service" if isinstance(holder, ServiceAccount) else "person"
    return Who(kind=kind, name=holder.name, full_name=holder.full_name if isinstance(holder, Person) else "")


def requester(task: Task) -> Who:
    """Who asked."""
    holder = task.requester or task.service
    if holder is None:
        raise Bug("a task of nobody, which the database refuses")
    return who(holder)


#: What any operation may answer.
ALWAYS: Final = (401, 403, 406, 422, 429)


def answers(shape: Any, *more: int, status: int = 200) -> dict[Any, Any]:
    """The documented answers of an operation: its own, and its problems."""
    return {status: shape, frozenset({*ALWAYS, *more}): ProblemBody}
