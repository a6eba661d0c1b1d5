"""The base of every admin class: guarded by staff role, read-only unless it says otherwise, with acts and panels.

Django's own permissions are not used: a role (accounts/roles.py) says who may look and who may edit. Nothing is ever
deleted by hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.forms.models import BaseInlineFormSet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from microfund.kernel import acts as kernel_acts
from microfund.kernel import clock
from microfund.kernel.accounts.roles import ROLES, has_role
from microfund.kernel.acts import Act
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.money import format_money
from microfund.kernel.pages import refuse
from microfund.kernel.queues import QueueFilter


@dataclass(frozen=True)
class Panel:
    """A table under a row's own fields. Cells are text, or safe HTML made by `link`; `numeric` columns stand right."""

    title: Any
    columns: Sequence[Any]
    rows: Iterable[Sequence[Any]]
    numeric: frozenset[int] = frozenset()
    more_url: str = ""
    empty: Any = field(default=_("Nothing here."))


def link(model: Any, pk: Any, text: Any) -> SafeString:
    """A link to a row's page in the console."""
    meta = model._meta
    return format_html(
        '<a href="{}">{}</a>', reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[pk]), text
    )


def list_url(model: Any, query: str = "") -> str:
    """The address of a model's list in the console, with a query such as `state__exact=open`."""
    meta = model._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    return f"{url}?{query}" if query else url


def money(name: str, label: Any, currency: str = "currency") -> Callable[[Any], str]:
    """A column that shows the amount in field `name` in the row's currency (a field, or three letters)."""

    @admin.display(description=label, ordering=name)
    def column(row: Any) -> str:
        amount = getattr(row, name)
        code = currency if currency.isupper() else getattr(row, currency)
        return "" if amount is None else format_money(amount, code)

    column.__name__ = name
    return column


def pretty(value: Any) -> SafeString:
    """JSON (text or value) laid out for reading."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return format_html("<pre>{}</pre>", value)
    return format_html("<pre>{}</pre>", json.dumps(value, ensure_ascii=False, indent=2))


class RoleGuarded:
    """Who may look (`view_roles`) and who may add or change (`edit_roles`); nobody deletes."""

    view_roles: tuple[str, ...] = ROLES
    edit_roles: tuple[str, ...] = ()

    def has_module_permission(self, request: Any) -> bool:
        return has_role(request.user, *self.view_roles)

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return has_role(request.user, *self.view_roles)

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return bool(self.edit_roles) and has_role(request.user, *self.edit_roles)

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return bool(self.edit_roles) and has_role(request.user, *self.edit_roles)

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False


class StaffAdmin(RoleGuarded, admin.ModelAdmin):
    """A model in the staff console: lists with its work queues, pages with panels and acts, edits with an audit row."""

    actions = None
    list_per_page = 50
    show_full_result_count = False
    change_form_template = "admin/staff_change_form.html"
    change_list_template = "admin/staff_change_list.html"
    acts: tuple[Act, ...] = ()
    list_acts: tuple[Act, ...] = ()

    # --- What a page shows -------------------------------------------------------------------------------------

    def panels(self, request: HttpRequest, row: Any) -> list[Panel]:
        """Tables shown under the row's own fields."""
        return []

    def list_panels(self, request: HttpRequest) -> list[Panel]:
        """Tables shown above the list."""
        return []

    def facts(self, row: Any) -> list[tuple[Any, Any]]:
        """What an act's page says about the row, as (label, text)."""
        return [(self.opts.verbose_name, str(row))]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [QueueFilter, *super().get_list_filter(request)]

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        # Read when the template asks for them, which is after an edit was saved or refused.
        @cache
        def row() -> Any:
            found = self.get_queryset(request).filter(pk=unquote(object_id)).first()
            return found if found is not None and self.has_view_permission(request, found) else None

        extra = {
            "panels": lambda: self.panels(request, row()) if row() else [],
            "acts": lambda: self.possible_acts(request, row()) if row() else [],
        }
        return super().change_view(request, object_id, form_url, {**extra, **(extra_context or {})})

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        allowed = [act for act in self.list_acts if act.allowed_to(request.user)]
        extra = {"list_acts": allowed, "panels": lambda: self.list_panels(request)}
        return super().changelist_view(request, {**extra, **(extra_context or {})})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The audit trail of the row, which nobody can edit, instead of Django's own log."""
        url = reverse("admin:audit_auditrow_changelist")
        return HttpResponseRedirect(f"{url}?object_type={self.opts.label}&object_id={unquote(object_id)}")

    # --- Acts --------------------------------------------------------------------------------------------------

    def possible_acts(self, request: HttpRequest, row: Any) -> list[Act]:
        """The acts that this member of the staff may do to the row as it stands."""
        return [act for act in self.acts if act.allowed_to(request.user) and act.when(row)]

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        view = self.admin_site.admin_view
        return [
            path("act/<slug:act>/", view(self.list_act_view), name=f"{name}_list_act"),
            path("<path:object_id>/act/<slug:act>/", view(self.act_view), name=f"{name}_act"),
            *super().get_urls(),
        ]

    def list_act_view(self, request: HttpRequest, act: str) -> HttpResponseBase:
        """The page of an act on no row in particular, such as an import."""
        found = next((known for known in self.list_acts if known.name == act), None)
        if found is None or not self.has_view_permission(request):
            raise Http404
        return self._act_page(request, found, None, list_url(self.model))

    def act_view(self, request: HttpRequest, object_id: str, act: str) -> HttpResponseBase:
        """The page of an act on one row: GET shows the form, POST does it, after asking once more where money moves."""
        row = self.get_object(request, unquote(object_id))
        found = next((known for known in self.acts if known.name == act), None)
        if row is None or found is None or not self.has_view_permission(request, row):
            raise Http404
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        if found.allowed_to(request.user) and not found.when(row):
            messages.error(request, _("This is not possible any more."))
            return HttpResponseRedirect(back)
        return self._act_page(request, found, row, back)

    def _act_page(self, request: HttpRequest, act: Act, row: Any, back: str) -> HttpResponseBase:
        if not act.allowed_to(request.user):
            raise PermissionDenied
        sent = request.method == "POST"
        form = act.form(request.POST if sent else None, request.FILES if sent else None, initial=act.initial(row))
        confirming, panels = False, []
        if sent and form.is_valid():
            if act.confirm and "confirmed" not in request.POST:
                try:
                    panels, confirming = act.preview(row, form.cleaned_data), True
                except DomainError as error:
                    refuse(form, error)
            else:
                answer = self._perform(request, act, row, form)
                if answer is not None:
                    return self._answered(request, act, row, back, answer)
        context = {
            **self.admin_site.each_context(request),
            "title": act.label,
            "opts": self.opts,
            "original": row,
            "act": act,
            "form": form,
            "confirming": confirming,
            "filled": kernel_acts.shown(form) if confirming else [],
            "facts": self.facts(row) if row is not None else [],
            "panels": panels,
            "back": back,
            "errors": form.errors,
        }
        return TemplateResponse(request, "admin/act.html", context)

    def _perform(self, request: HttpRequest, act: Act, row: Any, form: Form) -> Any:
        """The service's answer ("" for none), or None when it refused: the refusal then stands in the form."""
        try:
            answer = act.perform(row, form.cleaned_data, actor=request.user, at=clock.now())
        except DomainError as error:
            refuse(form, error)
            return None
        return answer if isinstance(answer, list | HttpResponseBase) else ""

    def _answered(self, request: HttpRequest, act: Act, row: Any, back: str, answer: Any) -> HttpResponseBase:
        if isinstance(answer, HttpResponseBase):
            return answer
        if not answer:
            messages.success(request, act.done)
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": act.label,
            "opts": self.opts,
            "original": row,
            "shown": answer,
            "back": back,
        }
        response = TemplateResponse(request, "admin/reveal.html", context)
        response.headers["Cache-Control"] = "no-store"
        return response

    # --- Edits -------------------------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self.note_edit(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        for part in formset.forms:
            if part.has_changed() and part.instance.pk:
                self.note_edit(request, part.instance, part, part.instance not in formset.new_objects)

    def note_edit(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """One audit row for one edited row: the fields that changed, before and after."""
        changed = {
            name: [_short(form.initial.get(name)), _short(form.cleaned_data.get(name))] for name in form.changed_data
        }
        if changed or not change:
            action = f"{obj._meta.label}.{'edited' if change else 'added'}"
            audit.record(action=action, subject=obj, at=clock.now(), actor=request.user, changes=changed)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Django's own log is not kept: the audit trail is."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Django's own log is not kept: the audit trail is."""


def _short(value: Any) -> Any:
    """A value for the audit trail: JSON as it is, a row by its id, a long text by its beginning."""
    if value is None or isinstance(value, bool | int):
        return value
    text = str(getattr(value, "pk", value))
    return text if len(text) <= 200 else f"{text[:200]}… ({len(text)})"


class ReadOnlyAdmin(StaffAdmin):
    """Lists and shows; add, change and delete are refused, whatever role or permission the user has."""

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False


class NamedInputs(BaseInlineFormSet):
    """The inputs of a table have their names in its head only: said again to those who hear the page."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        for shown in form.fields.values():
            if not shown.widget.is_hidden:
                shown.widget.attrs.setdefault("aria-label", shown.label)


class StaffInline(RoleGuarded, admin.TabularInline):
    """Rows of a parent, guarded by role."""

    extra = 0
    can_delete = False
    formset = NamedInputs


class ReadOnlyInline(StaffInline):
    """Rows of a parent, shown and never edited."""

    show_change_link = True

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False
