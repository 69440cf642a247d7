"""Sets aside what a call or a question to a model will use, in every budget that covers it, and settles it afterwards.

Locked rows, and a CHECK behind them: what is used and set aside never exceeds a limit, whoever asks at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F, Q
from django.db.models.functions import Now

from orchestra.engine.case import Case
from orchestra.engine.limits import LimitReached
from orchestra.models import Budget, Reservation, Resource, ToolCall


def reserve(case: Case, resource: Resource, purpose: str) -> None:
    """Set one aside in each budget of the run, its deployment and its agent, once for a purpose.

    Raises LimitReached when one of them is used up.
    """
    if not case.around.has_budgets:
        return
    budgets = list(_covering(case, resource))
    if budgets and Reservation.objects.filter(purpose=purpose).exists():
        return
    for budget in budgets:
        if budget.used + budget.reserved >= budget.limit:
            raise LimitReached("budget", f"A budget is used up: {budget}.")
    for budget in budgets:
        Budget.objects.filter(pk=budget.pk).update(reserved=F("reserved") + 1)
        Reservation.objects.create(budget=budget, step=case.step, purpose=purpose, amount=1)


def settle(case: Case, purpose: str, *, used: bool) -> None:
    """What was set aside is used, or given back. Settling twice changes nothing."""
    if not case.around.has_budgets:
        return
    rows = Reservation.objects.select_for_update().filter(purpose=purpose, settled_at__isnull=True)
    for reservation in rows.order_by("budget_id"):
        amount = reservation.amount if used else 0
        Budget.objects.filter(pk=reservation.budget_id).update(
            reserved=F("reserved") - reservation.amount, used=F("used") + amount
        )
        Reservation.objects.filter(pk=reservation.pk).update(settled=amount, settled_at=Now())


def release(case: Case) -> None:
    """The step is over: what is still set aside for it was for a question that left and was never answered: used."""
    if case.around.has_budgets:
        open_ones = Reservation.objects.filter(step=case.step, settled_at__isnull=True)
        for purpose in list(open_ones.values_list("purpose", flat=True)):
            settle(case, purpose, used=True)


def of_sending(call: ToolCall, n: int) -> str:
    """The purpose of one sending of a call."""
    return f"call {call.uid} {n}"


def _covering(case: Case, resource: Resource) -> Iterable[Budget]:
    run = case.flight.run
    whose = Q(run=run) | Q(deployment_id=run.deployment_id)
    if case.agent is not None:
        whose |= Q(agent_id=case.agent.agent_id)
    alive = Q(period_ends_at__isnull=True) | Q(period_ends_at__gt=Now())
    return Budget.objects.select_for_update().filter(whose, alive, resource=resource).order_by("pk")
