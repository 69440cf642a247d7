"""Two deployments with a thing of every kind in each: the roles' own one, and a foreign one where they hold no right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.test import Client

from orchestra.engine import publish
from orchestra.models import (
    ApiToken,
    Deployment,
    DeploymentGroupPermission,
    Draft,
    Halt,
    HumanTask,
    Notice,
    OutboxMessage,
    Person,
    Proposal,
    Run,
    Task,
    ToolCall,
    ToolVersion,
    User,
    Webhook,
    WebhookDelivery,
)
from orchestra.people import persons
from orchestra.views.doors.cast import ROLES, STAFF
from orchestra.views.doors.rules import Role
from tests import factories

HOST = {"host": "localhost"}
#: Names that nobody without a right on the foreign deployment may ever read.
FOREIGN = "covert"
WORKFLOW = """
kind: workflow
name: {name}
spec:
  description: Ask people about a refund.
  owner: operators
  input:
    type: object
    required: [order]
    additionalProperties: false
    properties:
      order: {{type: string, title: Order, minLength: 1}}
      amount: {{type: integer, minimum: 1}}
      urgent: {{type: boolean}}
  steps:
    ask:
      kind: human
      group: operators
      title: Is this order genuine?
      with: {{order: "{{{{ input.order }}}}"}}
      form:
        type: object
        required: [genuine]
        additionalProperties: false
        properties:
          genuine: {{type: boolean}}
"""
TOOL = """
kind: tool
name: refund
spec:
  description: Pays money back.
  effect: destructive
  delivery: key
  sentence: "Refund order {order} with the note {note}"
  arguments:
    type: object
    properties:
      order: {type: string}
      note: {type: string}
  request: {method: POST, path: /refunds}
  key: {header: Idempotency-Key, life: 24h}
"""
POLICY = """
kind: policy
name: {name}
spec:
  rules:
    - id: refunds
      tools: [refund]
      verdict: review
      message: People look at refunds.
"""


@dataclass
class Place:
    """One deployment and what is in it. `task` is of the role itself where a page shows only what is one's own."""

    deployment: Deployment
    policy: str
    task: Task
    run: Run
    failed: Run
    call: ToolCall
    proposal: Proposal
    question: HumanTask
    halt: Halt
    webhook: Webhook
    delivery: WebhookDelivery
    notices: dict[str, Notice] = field(default_factory=dict)
    tokens: dict[str, ApiToken] = field(default_factory=dict)

    def token(self, role: str) -> ApiToken:
        """The role's own token, or that of somebody else where the role has none here."""
        return self.tokens.get(role) or self.tokens["somebody"]


@dataclass
class World:
    """Both places, and the accounts of all roles."""

    own: Place
    foreign: Place
    accounts: dict[str, User]
    browsers: dict[tuple[str, bool], Client] = field(default_factory=dict)

    def client(self, role: Role, *, csrf: bool = False) -> Client:
        """The browser of this role, which signs in once. With `csrf` it asks where a form comes from."""
        if (role.name, csrf) not in self.browsers:
            self.browsers[role.name, csrf] = browser(self.accounts.get(role.name), csrf=csrf)
        return self.browsers[role.name, csrf]


def browser(account: User | None, *, csrf: bool = False) -> Client:
    """A browser in which this account has signed in; nobody has without one."""
    client = Client(headers=HOST, raise_request_exception=False, enforce_csrf_checks=csrf)
    if account is not None:
        client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
        _prove(client, account)
    return client


def _prove(client: Client, account: User) -> None:
    """The session says that they have just proved that it is them."""
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, account, method="password", reauthenticated=True)
    request.session.save()


def build() -> World:
    """Everything, in the database of the test."""
    author = persons.add(name="ada", full_name="Ada", groups=[], password=None)
    asker = persons.add(name="rita", full_name="Rita", groups=[], password=None)
    everybody = dict.fromkeys((*ROLES, *STAFF))
    accounts = {role.name: account for role in everybody if (account := _account(role)) is not None}
    publish.text(TOOL, by=author, environment="dev")
    own = _place("refunds", "dev", author, asker)
    foreign = _place(FOREIGN, "prod", author, asker)
    DeploymentGroupPermission.objects.filter(content_object=foreign.deployment).delete()
    factories.agentversion()
    for place in (own, foreign):
        Draft.objects.create(kind="policy", name=place.policy, author=author)
    _belongings(
        own, {name: account.person for name, account in accounts.items() if account.person is not None}
    )
    for place in (own, foreign):
        _belongings(place, {"somebody": factories.person()})
    return World(own, foreign, accounts)


def _account(role: Role) -> User | None:
    """The account of a role, in its group."""
    if not role.account:
        return None
    columns: dict[str, Any] = {"is_staff": role.staff, "is_superuser": role.everywhere}
    if role.name == "nobody":
        columns["is_superuser"] = columns["is_staff"] = True  # even so it may not come in where a person must
    if role.name == "system":
        columns["service"] = factories.service()
    if role.person:
        columns["person"] = factories.person(role.name)
    account = User.objects.create(username=f"{role.name}-account", **columns)
    if role.rights:
        account.groups.add(Group.objects.get(name=role.group))
    return account


def _place(name: str, environment: str, author: Person, asker: Person) -> Place:
    publish.text(WORKFLOW.format(name=name), by=author, environment=environment)
    publish.text(POLICY.format(name=f"{name}-rules"), by=author, environment=environment)
    deployment = Deployment.objects.get(workflow__name=name)
    task = factories.task(
        deployment, requester=asker, subject=f"{name} subject", reference=f"{name}-1", payload={"order": "W1"}
    )
    run = factories.run(task, state="waiting")
    call = factories.toolcall(
        factories.step(run, kind="agent"),
        arguments={"order": "W1", "note": f"{name} note"},
        tool_version=ToolVersion.objects.get(tool__name="refund"),
    )
    message = OutboxMessage.objects.create(
        topic="run.succeeded", task=task, run=run, payload={"run": str(run.uid)}, due_at=factories.now()
    )
    webhook = Webhook.objects.create(
        name=f"{name}-hook",
        url="https://example.org/hook",
        secret_reference="env:HOOK",
        deployment=deployment,
    )
    return Place(
        deployment=deployment,
        policy=f"{name}-rules",
        task=task,
        run=run,
        failed=factories.run(factories.task(deployment, requester=asker), state="failed"),
        call=call,
        proposal=factories.proposal(
            factories.walk(call, "awaiting_approval"), sentence=f"Refund 5.00 EUR, {name}", tier=2
        ),
        question=factories.humantask(run, title=f"{name} question"),
        halt=factories.halt(run=factories.run(task, state="cancelled"), reason=f"{name} fire"),
        webhook=webhook,
        delivery=WebhookDelivery.objects.create(message=message, webhook=webhook, due_at=factories.now()),
    )


def _belongings(place: Place, people: Mapping[str, Person]) -> None:
    """What belongs to each person alone."""
    message = place.delivery.message
    for name, person in people.items():
        place.notices[name] = Notice.objects.create(person=person, message=message)
        place.tokens[name] = ApiToken.objects.create(
            person=person,
            name="laptop",
            prefix=factories.name("orc")[:16],
            digest=bytes(32),
            expires_at=factories.now(3600),
        )
