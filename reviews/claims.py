"""Claims: somebody says that they look after a proposal, for a while. Advisory: nothing here holds up a decision."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models.functions import Now

from orchestra.errors import NotAllowed
from orchestra.models import Person, Proposal
from orchestra.people import roles
from reviews.models import Claim

LASTS: Final = timedelta(minutes=10)


def take(proposal: Proposal, by: Person) -> None:
    """The person looks at it, for ten minutes from now. Raises NotAllowed for who may not decide here."""
    if not roles.may(by, "review", proposal.deployment):
        raise NotAllowed("Only somebody who may decide here can say that they look after it.")
    Claim.objects.update_or_create(proposal=proposal, person=by, defaults={"until": Now() + LASTS})


def release(proposal: Proposal, by: Person) -> None:
    """The person does not look at it any more."""
    Claim.objects.filter(proposal=proposal, person=by).delete()
