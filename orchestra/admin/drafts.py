"""Drafts of definitions: a text to type, everything wrong with it beside its lines, its tests, and the way into force.

A draft may be wrong: that never stops saving it. Publishing goes through `engine.drafts`, as the person who asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from orchestra import canonical
from orchestra.admin.base import Governed, GovernedForm, account, person, somebody
from orchestra.engine import drafts, sources
from orchestra.errors import Invalid, NotAllowed, NotFound, OrchestraError, Problem
from orchestra.models import Draft, Environment, Person
from orchestra.workflows import functions

KINDS: Final = [(kind, kind) for kind in drafts.PERMISSIONS]
STARTS: Final = "kind: {kind}\nname: {name}\nspec:\n"
LONGEST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Numbered:
    """One line of a text, and what is wrong with it."""

    number: int
    text: str
    problems: Sequence[Problem]


class DraftForm(GovernedForm):
    """A kind, a name, a text."""

    source = forms.CharField(
        strip=False,
        label="Text",
        widget=forms.Textarea(attrs={"rows": 28, "class": "mono", "spellcheck": "false", "wrap": "off"}),
        help_text="One YAML document of kind, name and spec. It is kept also while it is wrong.",
    )
    kind = forms.ChoiceField(choices=KINDS, help_text="It cannot be changed later.")

    class Meta:
        model = Draft
        fields = ("kind", "name", "source")
        help_texts = {
            "name": "The name of the definition, as in its text.",
        }

    def clean_source(self) -> str:
        """Text that can be kept."""
        given: str = self.cleaned_data["source"].replace("\r\n", "\n")
        if len(given) > LONGEST:
            raise forms.ValidationError(f"A draft has at most {LONGEST} characters.")
        try:
            canonical.check(given, limits=canonical.Limits(size=4 * LONGEST, depth=1, nodes=1))
        except Invalid as refusal:
            raise forms.ValidationError(refusal.message) from None
        return given


@admin.register(Draft)
class DraftAdmin(Governed):
    """Definitions in the making."""

    form = DraftForm
    deletes = True
    list_display = ("name", "kind", "author", "changed_at")
    list_filter = (("kind", admin.AllValuesFieldListFilter),)
    list_select_related = ("author",)
    search_fields = ("name", "source")
    ordering = ("kind", "name")
    fields = ("kind", "name", "source", "author", "changed_at")
    readonly_fields = ("author", "changed_at")
    told = ("kind", "name")
    change_form_template = "admin/orchestra/draft/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Definitions only: what waits for a second person is on the page of its row."""
        return super().get_queryset(request).filter(kind__in=drafts.PERMISSIONS)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Kind and name are what the draft is of."""
        return (*super().get_readonly_fields(request, obj), *(("kind", "name") if obj else ()))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """From what is in force, where the address says so."""
        kind, name, place = (request.GET.get(key, "") for key in ("kind", "name", "environment"))
        text = sources.in_force(kind, name, place) if place else ""
        return {"kind": kind, "name": name, "source": text or STARTS.format(kind=kind or "policy", name=name)}

    def save_model(self, request: HttpRequest, obj: Draft, form: Any, change: bool) -> None:
        """Whoever changes the text is its author."""
        if not change or "source" in form.changed_data:
            obj.author = somebody(request)
            obj.changed_at = Now()
        super().save_model(request, obj, form, change)
        obj.refresh_from_db()

    def get_urls(self) -> list[URLPattern]:
        """And looking at it, and publishing it."""
        view = self.admin_site.admin_view
        more = [
            path("<int:key>/look/", view(self.look), name="orchestra_draft_look"),
            path("<int:key>/publish/", view(require_POST(self.publish)), name="orchestra_draft_publish"),
        ]
        return [*more, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With what is wrong, line by line."""
        row, someone = context.get("original"), person(request)
        if row is not None and someone is not None and request.method == "GET":
            place = _place(request)
            found = _problems(row, by=someone, environment=place)
            context = {
                **context,
                "checked": True,
                "place": place,
                "problems": found,
                "lines": _numbered(row, found),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def look(self, request: HttpRequest, key: int) -> HttpResponse:
        """Problems, tests, differences and the button, for one environment."""
        row, someone = self._draft(request, key), somebody(request)
        place = _place(request)
        problems = _problems(row, by=someone, environment=place)
        target = Environment.objects.filter(name=place).first() or Environment(name=place)
        shown = {
            **self.admin_site.each_context(request),
            "title": f"{row.kind.capitalize()} {row.name}: look and publish",
            "opts": self.opts,
            "object": row,
            "place": place,
            "places": Environment.objects.order_by("name").values_list("name", flat=True),
            "problems": problems,
            "trials": [] if problems else drafts.trials(row, by=someone),
            "difference": drafts.difference(row, environment=place),
            "objection": drafts.objection(row, by=someone, account=account(request), place=target),
            "seen": canonical.digest(row.source).hex(),
        }
        return TemplateResponse(request, "admin/orchestra/draft/look.html", shown)

    def publish(self, request: HttpRequest, key: int) -> HttpResponse:
        """Publish what was shown, or say why not."""
        row, someone = self._draft(request, key), somebody(request)
        functions.load(settings.STEP_FUNCTIONS)
        place = request.POST.get("environment", "")
        back = redirect(f"{reverse('admin:orchestra_draft_look', args=[key])}?environment={place}")
        if request.POST.get("seen") != canonical.digest(row.source).hex():
            self.message_user(request, "The draft was changed since you looked. Look again.", level="ERROR")
            return back
        try:
            made = drafts.release(row, by=someone, account=account(request), environment=place)
        except OrchestraError as error:
            self.message_user(request, error.message, level="ERROR")
            return back
        for each in made:
            number = f" v{each.number}" if each.number else ""
            word = "is in force" if each.new else "was in force already"
            self.message_user(request, f"{each.kind} {each.name}{number} {word} in {each.environment}.")
        return back

    def _draft(self, request: HttpRequest, key: int) -> Draft:
        row: Draft | None = self.get_queryset(request).filter(pk=key).first()
        if row is None:
            raise NotFound("There is no such draft.")
        if not self.has_view_permission(request, row):
            raise NotAllowed("Looking at drafts needs the permission to view them.")
        return row


def _place(request: HttpRequest) -> str:
    """The environment that the page is about: named, else the first one."""
    named = request.GET.get("environment", "")
    if named:
        return named[:40]
    return Environment.objects.order_by("name").values_list("name", flat=True).first() or "dev"


def _problems(row: Draft, *, by: Person, environment: str) -> Sequence[Problem]:
    functions.load(settings.STEP_FUNCTIONS)
    return drafts.problems(row, by=by, environment=environment)


def _numbered(row: Draft, problems: Sequence[Problem]) -> list[Numbered]:
    return [
        Numbered(number, text, [each for each in problems if each.line == number])
        for number, text in enumerate(row.source.splitlines(), start=1)
    ]
