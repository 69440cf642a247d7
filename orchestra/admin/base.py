"""What all pages of the administration share: rows that are only read, and rows whose changes are kept in the record.

Refuses to delete unless a family says so, actions on many rows, and Django's own log, which nothing protects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.contrib.admin import ModelAdmin, ShowFacets
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import cached_property

from orchestra.audit import governance
from orchestra.errors import NotAllowed, NotFound
from orchestra.models import Deployment, Person, User
from orchestra.people import roles

MOST: Final = 1_000
#: Fields whose values are said in the record; of others only that they changed.
SAID: Final = (
    forms.BooleanField,
    forms.IntegerField,
    forms.TypedChoiceField,
    forms.ModelChoiceField,
    forms.DateTimeField,
)


class Capped(Paginator):  # type: ignore[type-arg]
    """Pages through the newest rows, and never counts a whole table."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, at most `MOST`."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[:MOST].count()


def person(request: HttpRequest) -> Person | None:
    """The person behind the account; None for the account of nobody."""
    return request.user.person if isinstance(request.user, User) else None


def account(request: HttpRequest) -> User:
    """The account that asks."""
    if not isinstance(request.user, User):
        raise NotFound("It does not exist, or it is not yours to see.")
    return request.user


def can(request: HttpRequest, verb: str, model: str) -> bool:
    """Whether the account has the permission (add, change, delete, view) for rows of the model."""
    return account(request).has_perm(f"orchestra.{verb}_{model}")


def somebody(request: HttpRequest) -> Person:
    """The person who asks. Raises NotAllowed for an account of nobody."""
    found = person(request)
    if found is None:
        raise NotAllowed("This needs a person: say on your account's page whose it is.")
    return found


def outranked(request: HttpRequest, row: User | Person) -> bool:
    """Whether the row is of somebody who is a superuser by any account, while the account that asks is none."""
    if account(request).is_superuser:
        return False
    if isinstance(row, Person):
        return row.accounts.filter(is_superuser=True).exists()
    return row.is_superuser or (row.person is not None and outranked(request, row.person))


if TYPE_CHECKING:  # the class takes no parameter when it runs
    Page = ModelAdmin[Any]
else:
    Page = ModelAdmin


class Read(Page):
    """Rows that are listed and shown, and nothing else: what happened is changed by nobody."""

    actions = None
    list_per_page = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # they count
    paginator = Capped
    ordering: ClassVar[Any] = ("-id",)
    #: The way from a row to its deployment: only rows of deployments that the person may see are shown.
    within: ClassVar[str] = ""
    right: ClassVar[str] = "view"

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows of deployments that the person may see."""
        rows = super().get_queryset(request)
        if not self.within:
            return rows
        return rows.filter(Q(**{f"{self.within}__in": seen(request, self.right)}))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What the record says of the row."""
        row = self.get_object(request, object_id)
        if row is None or not self.has_view_or_change_permission(request, row):
            raise NotFound("It does not exist, or it is not yours to see.")
        shown = {
            **self.admin_site.each_context(request),
            "title": f"The record of {row}",
            "opts": self.opts,
            "object": row,
            "events": governance.told(row),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/events.html", shown)


def seen(request: HttpRequest, right: str = "view") -> QuerySet[Any]:
    """Deployments on which the account has the right; all for an account of nobody that is a superuser."""
    someone = person(request)
    if someone is not None:
        return roles.visible_to(someone, right).values("pk")
    rows = Deployment.objects.all() if account(request).is_superuser else Deployment.objects.none()
    return rows.values("pk")


@dataclass(frozen=True)
class Change:
    """What a form changed, in words, and where the row went: for the record."""

    words: str = ""
    why: str = ""
    source: str = ""
    target: str = "changed"
    data: Mapping[str, object] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """One line: what changed, and why."""
        return f"{self.words}: {self.why}" if self.words and self.why else self.words or self.why


class GovernedForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form with a field for the reason, which is kept with the change."""

    why = forms.CharField(
        required=False,
        max_length=500,
        label="Why",
        help_text="For whoever reads the record later. It is kept for good.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    #: Set by the page: who is changing something.
    request: HttpRequest
    #: Whether saving it only proposed the change, which then waits for a second person.
    was_proposed = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance
        self._loaded = {each.attname: getattr(row, each.attname) for each in row._meta.concrete_fields}

    def altered(self) -> list[str]:
        """The columns whose values are others than when the row was read."""
        row = self.instance
        return [
            each.name
            for each in row._meta.concrete_fields
            if not each.primary_key and getattr(row, each.attname) != self._loaded[each.attname]
        ]

    def refuse(self, row: Model, name: str | None, words: str) -> None:
        """An error at a field; that somebody tried is kept too."""
        self.add_error(name, words)
        if row.pk:
            governance.record(row, "refused", by=account(self.request), reason=words)


def offer(form: BaseForm, name: str, rows: QuerySet[Any]) -> None:
    """Let a field, if the form has it, choose among these rows alone."""
    made = form.fields.get(name)
    if isinstance(made, forms.ModelChoiceField):
        made.queryset = rows


class Governed(Read):
    """Rows that people configure. Each change leaves an event in the record, in the same transaction."""

    form = GovernedForm
    save_on_top = False
    #: Text fields whose values the record may say.
    told: ClassVar[Sequence[str]] = ()
    deletes: ClassVar[bool] = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """By the permission of the group."""
        return ModelAdmin.has_add_permission(self, request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By the permission of the group."""
        return ModelAdmin.has_change_permission(self, request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """By the permission of the group, where anything may be deleted at all."""
        return self.deletes and ModelAdmin.has_delete_permission(self, request, obj)

    def get_form(
        self,
        request: HttpRequest,
        obj: Any = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The form knows who is asking."""
        made = super().get_form(request, obj, change=change, **kwargs)
        return type(made.__name__, (made,), {"request": request})

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Other rows are made on their own pages, not in windows on top of this one."""
        made = super().formfield_for_dbfield(db_field, request, **kwargs)
        if made is not None and isinstance(made.widget, RelatedFieldWidgetWrapper):
            made.widget = made.widget.widget
        return made

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The reason comes last, where anything can be changed."""
        writes = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        named = [name for name in super().get_fields(request, obj) if name != "why"]
        return [*named, "why"] if writes else named

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ARG002
        """Of a row that there was, only what is changed: workers may have written its other columns meanwhile."""
        obj.save(update_fields=form.altered() if change else None)

    def construct_change_message(
        self,
        request: HttpRequest,  # noqa: ARG002
        form: Any,
        formsets: Any,  # noqa: ARG002
        add: bool = False,
    ) -> Any:
        """What the form changed, for `log_addition` and `log_change`."""
        words = "; ".join(_words(form, self.told, add=add))
        return Change(words=words, why=form.cleaned_data.get("why", "").strip())

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """One event."""
        governance.record(obj, "added", by=account(request), reason=message.reason, data=message.data)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """One event, if anything changed."""
        if message.words:
            governance.record(
                obj,
                message.target,
                by=account(request),
                source=message.source,
                reason=message.reason,
                data=message.data,
            )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """One event, in the same transaction, while the row still has its key."""
        governance.record(obj, "deleted", by=account(request), reason=str(obj))
        super().delete_model(request, obj)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:  # type: ignore[override]
        """`delete_model` has done it."""


def _words(form: BaseForm, told: Sequence[str], *, add: bool) -> Iterator[str]:
    for name in form.changed_data:
        made = form.fields.get(name)
        if name == "why" or made is None:
            continue
        label = str(made.label or name)
        if isinstance(made, forms.ModelMultipleChoiceField):
            yield from _members(form, name, label)
        elif name in told or isinstance(made, SAID):
            after = _shown(form, name, form.cleaned_data.get(name))
            yield (
                f"{label}: {after}"
                if add
                else f"{label}: {_shown(form, name, form.initial.get(name))} to {after}"
            )
        else:
            yield label if add else f"{label} changed"


def _members(form: BaseForm, name: str, label: str) -> Iterator[str]:
    before = {str(each) for each in form.initial.get(name) or ()}
    after = {str(each) for each in form.cleaned_data.get(name) or ()}
    signs = [f"+{each}" for each in sorted(after - before)] + [f"-{each}" for each in sorted(before - after)]
    if signs:
        yield f"{label}: {' '.join(signs)}"


def _shown(form: BaseForm, name: str, value: object) -> str:
    made = form.fields[name]
    if isinstance(made, forms.ModelChoiceField) and value is not None and not isinstance(value, Model):
        value = made.queryset.filter(pk=value).first() if made.queryset is not None else value
    return {None: "nothing", "": "nothing", True: "yes", False: "no"}.get(value, str(value)[:80])  # type: ignore[call-overload, no-any-return]
