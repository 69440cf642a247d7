"""A stage for calls: agents that play a script, the example shop as the foreign system, and people who decide."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from orchestra.engine import halt, publish
from orchestra.intake import tasks as intake
from orchestra.models import Deployment, Dispatch, Person, Proposal, Run, ToolCall, Turn
from orchestra.models.halts import Scope
from orchestra.people import persons
from orchestra.tools import toolbox
from reviews import decisions
from tests.databases import Database
from tests.engine.stage import Stage, names
from tests.store.shop import BASE, TOKEN, Shop, address
from tests.waiting import until

STORE = Path(__file__).resolve().parents[2] / "examples" / "store"
SECRET = "STORE_TOKEN"
WRITES = ["cancel_pending_order", "modify_pending_order_*", "modify_user_address", "return_*", "exchange_*"]
READS = ["find_user_id_by_*", "get_*_details", "list_all_product_types", "calculate", "think"]
#: A rule that says nothing of writes.
HARMLESS = {"id": "none", "tools": ["think"], "verdict": "allow", "message": "Thinking is free."}
Line = Mapping[str, Any]


class GateStage(Stage):
    """Everybody has one part: `ada` publishes, `rita` asks, `rob` and `sue` review, `olga` operates."""

    def __init__(self, database: Database, shop: Shop) -> None:
        toolbox.forget()
        super().__init__(database)
        self.shop = shop
        self.admin = self.member("ada", "admins")
        self.requester = self.member("rita", "requesters")
        self.reviewer, self.second_reviewer = self.member("rob", "reviewers"), self.member("sue", "reviewers")
        self.publish_text((STORE / "tools.yaml").read_text())
        self.bind()

    def member(self, name: str, *groups: str) -> Person:
        """A person with an account in these groups."""
        return persons.add(name=name, full_name="", groups=list(groups), password=None)

    def publish_text(self, text: str, *, by: Person | None = None) -> None:
        """Publish definitions."""
        publish.text(text, by=by or self.admin, environment="dev")

    def bind(self, **changes: Any) -> None:
        """Point the tools to the shop, with changes of the binding."""
        binding = yaml.safe_load((STORE / "bindings.yaml").read_text())
        host = self.shop.url.removeprefix("http://")
        binding["spec"] |= {"base_url": f"http://{host}/worlds/{{world}}", "allow": [host], **changes}
        self.publish_text(json.dumps(binding))

    def tool(self, like: str, *, name: str = "", **changes: Any) -> str:
        """A tool with a binding of its own: as one of the store's, which reads nothing before, with changes."""
        told = {each["name"]: each["spec"] for each in yaml.safe_load_all((STORE / "tools.yaml").read_text())}
        dropped = dict.fromkeys(("observe", "preview", "lookup", "reverse", "object"))
        spec = {**told[like], **dropped, **changes}
        name = name or f"tool_{next(names)}"
        self.declare(name, {key: value for key, value in spec.items() if value is not None})
        self.rebind(name, f"{self.shop.url}/worlds/{{world}}")
        return name

    def declare(self, name: str, spec: Mapping[str, Any]) -> None:
        """Publish the declaration of a tool."""
        self.publish_text(json.dumps({"kind": "tool", "name": name, "spec": spec}))

    def rebind(self, name: str, base_url: str, *, secret: str = SECRET) -> None:
        """Point a tool that has a binding of its own to an address, with the secret of a variable."""
        host = base_url.removeprefix("http://").partition("/")[0]
        labels = re.findall(r"{(\w+)}", base_url)
        spec = {"tools": [name], "base_url": base_url, "secret": f"env:{secret}"}
        spec |= {"labels": labels} if labels else {}
        body = {"kind": "binding", "name": name, "spec": {**spec, "allow": [host]}}
        self.publish_text(json.dumps(body))

    def agent(
        self,
        script: Sequence[Line],
        *,
        grants: Sequence[str] = (*READS, *WRITES),
        adapter: str = "scripted",
        **settings: Any,
    ) -> str:
        """An agent of ada's that says these lines."""
        name = f"agent-{next(names)}"
        spec = {
            "adapter": adapter,
            "model": "script",
            "settings": {"script": [dict(line) for line in script], **settings},
            "grants": [*grants, "transfer_to_human_agents"],
        }
        self.publish_text(json.dumps({"kind": "agent", "name": name, "spec": spec}))
        return name

    def serving(self, script: Sequence[Line], *, step: Mapping[str, Any] | None = None, **more: Any) -> str:
        """A workflow of one agent step, which plays the script."""
        granted = {
            name: more.pop(name) for name in ("grants", "forever", "adapter", "saying") if name in more
        }
        body = {"kind": "agent", "agent": self.agent(script, **granted), **(step or {})}
        return self.workflow({"serve": body}, **more)

    def workflow(
        self, steps: Mapping[str, Any], *, mode: str = "", by: Person | None = None, **more: Any
    ) -> str:
        """A published workflow of these steps."""
        name = f"w{next(names)}"
        spec = {"owner": "operators", **more, "steps": dict(steps)}
        self.publish_text(json.dumps({"kind": "workflow", "name": name, "spec": spec}), by=by)
        if mode:
            Deployment.objects.filter(workflow__name=name).update(mode=mode)
        return name

    def policy(self, *rules: Mapping[str, Any], name: str = "p", by: Person | None = None) -> None:
        """Put a policy in force; it belongs to `paul`, who does nothing else."""
        author = by or self.found("paul", "admins")
        spec = {"description": "A policy of a test.", "rules": [dict(rule) for rule in rules]}
        self.publish_text(json.dumps({"kind": "policy", "name": name, "spec": spec}), by=author)

    def found(self, name: str, *groups: str) -> Person:
        """The person of that name, added at first."""
        return Person.objects.filter(name=name).first() or self.member(name, *groups)

    def ask(self, workflow: str, world: str, given: object = None, *, by: Person | None = None) -> Run:
        """Submit a task of the requester about a world of the shop."""
        request = intake.Request(
            workflow=workflow,
            environment="dev",
            payload={} if given is None else given,
            source="command",
            labels={"world": world},
        )
        return intake.accept(request, by=by or self.requester).run

    def serve(self, script: Sequence[Line], world: str, **more: Any) -> Run:
        """Play a script in a world until the run rests."""
        return self.rest(self.ask(self.serving(script, **more), world))

    def line(self, tool: str, **changes: Any) -> Line:
        """A line that calls a tool like the one that changes a customer's address."""
        person = next(iter(BASE.users))
        return {"call": tool, "with": {"user_id": person, **address(**changes)}}

    @contextmanager
    def held(self, run: Run) -> Iterator[None]:
        """Until the end nothing of the run passes the gate, and people may decide meanwhile."""
        switch = halt.set_on(Scope.RUN, by=self.operator, reason="look first", run=run)
        try:
            yield
        finally:
            halt.lift(uid=switch.uid, by=self.operator, reason="looked")

    def calls(self, run: Run) -> list[ToolCall]:
        """The calls of a run in order."""
        return list(ToolCall.objects.filter(run=run).order_by("turn__number", "ordinal", "revision"))

    def call(self, run: Run) -> ToolCall:
        """The newest call of a run."""
        return self.calls(run)[-1]

    def told(self, run: Run) -> list[str]:  # type: ignore[override]
        """The states of the calls of a run."""
        return [call.state for call in self.calls(run)]

    def turns(self, run: Run) -> list[Turn]:
        """The turns of a run."""
        return list(Turn.objects.filter(run=run).order_by("number"))

    def sendings(self, run: Run) -> list[Dispatch]:
        """All sendings of a run."""
        return list(Dispatch.objects.filter(toolcall__run=run).order_by("pk"))

    def proposal(self, run: Run) -> Proposal:
        """The one pending proposal of a run; waits for it."""
        rows = Proposal.objects.filter(toolcall__run=run, state="pending")
        until(lambda: rows.count() == 1, what=f"one pending proposal of run {run.pk}: {self.told(run)}")
        return rows.get()

    def approve(self, run: Run, *, by: Person | None = None, rest: bool = True) -> Run:
        """Approve what waits; then wait until the run rests."""
        proposal = self.proposal(run)
        decisions.approve(
            proposal.uid, by=by or self.reviewer, digest=bytes(proposal.digest), reason="it is right"
        )
        return self.rest(run) if rest else run

    def reject(self, run: Run, reason: str = "wrong order", *, by: Person | None = None) -> Run:
        """Reject what waits; then wait until the run rests."""
        proposal = self.proposal(run)
        decisions.reject(proposal.uid, by=by or self.reviewer, digest=bytes(proposal.digest), reason=reason)
        return self.rest(run)


def shown(token: str = TOKEN) -> dict[str, str]:
    """The environment in which a worker finds the shop's token."""
    return {SECRET: token}
