"""Every table of the control plane, one module for each family."""

from orchestra.models.agents import Agent, AgentVersion, Grant
from orchestra.models.audit import AuditEvent, AuditHead, AuditSeal
from orchestra.models.budgets import Budget, Reservation, Resource
from orchestra.models.deployments import (
    Deployment,
    DeploymentGroupPermission,
    DeploymentUserPermission,
    Environment,
    Mode,
)
from orchestra.models.dispatches import Dispatch, Epoch, Outcome
from orchestra.models.halts import Halt, Scope
from orchestra.models.humantasks import HumanTask, Question
from orchestra.models.intake import RateWindow, RoutingRule
from orchestra.models.outbox import OutboxMessage
from orchestra.models.people import Person, ServiceAccount, User
from orchestra.models.policies import Policy, PolicyPublication, PolicyVersion
from orchestra.models.proposals import Approval, Edit, Proposal, Vote
from orchestra.models.rulings import Moment, Ruling, Verdict
from orchestra.models.runs import Run, Step
from orchestra.models.tasks import IdempotencyKey, Task
from orchestra.models.tokens import ApiToken
from orchestra.models.toolcalls import ToolCall
from orchestra.models.tools import Delivery, Effect, Tier, Tool, ToolBinding, ToolVersion
from orchestra.models.turns import Turn
from orchestra.models.webhooks import Notice, Webhook, WebhookDelivery
from orchestra.models.workers import WorkerProcess
from orchestra.models.workflows import Draft, Workflow, WorkflowVersion

__all__ = [
    "Agent",
    "AgentVersion",
    "ApiToken",
    "Approval",
    "AuditEvent",
    "AuditHead",
    "AuditSeal",
    "Budget",
    "Delivery",
    "Deployment",
    "DeploymentGroupPermission",
    "DeploymentUserPermission",
    "Dispatch",
    "Draft",
    "Edit",
    "Effect",
    "Environment",
    "Epoch",
    "Grant",
    "Halt",
    "HumanTask",
    "IdempotencyKey",
    "Mode",
    "Moment",
    "Notice",
    "OutboxMessage",
    "Outcome",
    "Person",
    "Policy",
    "PolicyPublication",
    "PolicyVersion",
    "Proposal",
    "Question",
    "RateWindow",
    "Reservation",
    "Resource",
    "RoutingRule",
    "Ruling",
    "Run",
    "Scope",
    "ServiceAccount",
    "Step",
    "Task",
    "Tier",
    "Tool",
    "ToolBinding",
    "ToolCall",
    "ToolVersion",
    "Turn",
    "User",
    "Verdict",
    "Vote",
    "Webhook",
    "WebhookDelivery",
    "WorkerProcess",
    "Workflow",
    "WorkflowVersion",
]
