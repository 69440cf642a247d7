"""A client of the HTTP API in plain Python, and the command `orchestra`. Knows nothing of the server's own code."""

from orchestra.client.api import Client
from orchestra.client.refusals import ApiError, ClientError, Fault, Unreachable
from orchestra.client.shapes import (
    Event,
    Events,
    Me,
    Page,
    Place,
    Proposal,
    ProposalDetail,
    Question,
    QuestionDetail,
    Run,
    RunDetail,
    Task,
    TaskDetail,
    Token,
)

__all__ = [
    "ApiError",
    "Client",
    "ClientError",
    "Event",
    "Events",
    "Fault",
    "Me",
    "Page",
    "Place",
    "Proposal",
    "ProposalDetail",
    "Question",
    "QuestionDetail",
    "Run",
    "RunDetail",
    "Task",
    "TaskDetail",
    "Token",
    "Unreachable",
]
