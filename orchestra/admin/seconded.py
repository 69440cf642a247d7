"""Pages of rows that belong to a protected environment: what is saved there waits for a second person.

Owns the two buttons. Refuses to decide who may: the pages say that.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from orchestra.admin.base import Change, Governed, person, somebody
from orchestra.errors import NotAllowed, NotFound, OrchestraError
from orchestra.models import Environment
from orchestra.people import countersigning

STAMP: Final = re.compile("[0-9]{1,20}")


class Seconded(Governed):
    """A page whose changes take a second person where the environment is protected."""

    change_form_template = "admin/seconded.html"

    def place(self, row: Any) -> Environment:
        """The environment of the row, as it is stored."""
        raise NotImplementedError

    def _is_protected(self, row: Any) -> bool:
        return Environment.objects.filter(pk=self.place(row).pk, protected=True).exists()

    def lacking(self, request: HttpRequest, row: Any, names: Collection[str]) -> str | None:  # noqa: ARG002
        """What the person lacks to change these columns of the row, as a sentence; None when nothing."""
        return None

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Saved, or kept for the second person."""
        if not change or not self._is_protected(obj):
            super().save_model(request, obj, form, change)
            return
        names = [name for name in form.changed_data if name != "why"]
        if names:
            changes = {name: _plain(form.cleaned_data[name]) for name in names}
            why = form.cleaned_data.get("why", "")
            countersigning.propose(obj, changes, by=somebody(request), why=why)
            form.was_proposed = True
            self.message_user(request, "It is protected: this is proposed, and waits for a second person.")

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """Nothing for what was only proposed: proposing it was kept already."""
        # Asked of the form: by now the row may say otherwise, as when it is what switches protection on.
        if form.was_proposed:
            return Change()
        return super().construct_change_message(request, form, formsets, add)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Nobody is told that something has changed when it only waits."""
        if countersigning.pending(obj) is None:
            return super().response_change(request, obj)
        return redirect(reverse(f"admin:orchestra_{self.opts.model_name}_change", args=[obj.pk]))

    def get_urls(self) -> list[URLPattern]:
        """And the two buttons."""
        name = self.opts.model_name
        buttons = [
            path(
                f"<int:key>/{verb}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"orchestra_{name}_{verb}",
            )
            for verb, view in (("confirm", self.confirm), ("discard", self.discard))
        ]
        return [*buttons, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With what is proposed."""
        row = context.get("original")
        found = countersigning.pending(row) if row is not None else None
        mine = found is not None and person(request) == found.draft.author
        at = found and found.draft.changed_at
        stamp = int(at.timestamp() * 1000) if at else 0
        more = {"pending": found, "pending_is_mine": mine, "pending_stamp": stamp}
        return super().render_change_form(request, {**context, **more}, *args, **kwargs)

    def confirm(self, request: HttpRequest, key: int) -> HttpResponse:
        """The second person agrees."""
        row = self._theirs(request, key)
        try:
            self._check(request, row)
            countersigning.confirm(row, by=somebody(request), seen=_seen(request))
            self.message_user(request, "Confirmed: it holds from now on.")
        except OrchestraError as error:
            self.message_user(request, error.message, level="ERROR")
        return redirect(reverse(f"admin:orchestra_{self.opts.model_name}_change", args=[key]))

    def discard(self, request: HttpRequest, key: int) -> HttpResponse:
        """Whoever may change it may also forget it."""
        row = self._theirs(request, key)
        try:
            countersigning.discard(row, by=somebody(request), seen=_seen(request))
            self.message_user(request, "Forgotten: everything stays as it is.")
        except OrchestraError as error:
            self.message_user(request, error.message, level="ERROR")
        return redirect(reverse(f"admin:orchestra_{self.opts.model_name}_change", args=[key]))

    def _check(self, request: HttpRequest, row: Any) -> None:
        found = countersigning.pending(row)
        if found is not None and (said := self.lacking(request, row, found.changes)):
            raise NotAllowed(said)

    def _theirs(self, request: HttpRequest, key: int) -> Any:
        row = self.get_queryset(request).filter(pk=key).first()
        if row is None:
            raise NotFound("It does not exist, or it is not yours to see.")
        if not self.has_change_permission(request, row):
            raise NotAllowed("You may look at this, but changing it needs another right.")
        return row


def _seen(request: HttpRequest) -> int:
    """The stamp of what was shown; 0, which fits nothing, for what no page of ours sends."""
    given = request.POST.get("seen", "")
    return int(given) if STAMP.fullmatch(given) else 0


def _plain(value: Any) -> Any:
    return value.pk if isinstance(value, Model) else value
