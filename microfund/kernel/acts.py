"""What staff do to a row: a form with a reason, who may, when it is possible, and the service that does it.

Each act has a page of its own, so that it works without scripts and always says what it is about to do. The role is
checked when the page is opened and again when it is sent; whether the act is allowed at all, its service decides.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from microfund.kernel.accounts.roles import has_role
from microfund.kernel.audit import services as audit


class ReasonForm(forms.Form):
    """Why. The reason goes to the audit trail."""

    reason = forms.CharField(label=_("Reason"), max_length=200, widget=forms.Textarea(attrs={"rows": 3}))


class RemarkForm(forms.Form):
    """A reason that may be left out."""

    reason = forms.CharField(
        label=_("Reason (optional)"), max_length=200, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


@dataclass(frozen=True, kw_only=True)
class Act:
    """One thing that staff of `roles` may do to a row for which `when(row)` holds.

    `run(row, actor=…, at=…, **form data)` calls the service; it may answer pairs of (label, text) to be shown once,
    or a response, such as a file.
    `initial(row)` fills the form in beforehand. `preview(row, form data)` answers tables (`admin.Panel`) of what the
    act would do, shown where it asks once more; a DomainError of it stands in the form.
    `confirm` asks once more with all figures, as every movement of money must. `audit` names the audit row that is
    written here, for services that write none of their own; with `outside` the act speaks to the provider, so it is
    noted beforehand and runs outside any transaction.
    """

    name: str
    label: Any
    roles: tuple[str, ...]
    run: Callable[..., Any]
    form: type[forms.Form] = ReasonForm
    when: Callable[[Any], bool] = lambda row: True
    initial: Callable[[Any], dict[str, Any]] = lambda row: {}
    preview: Callable[[Any, dict[str, Any]], list[Any]] = lambda row, data: []
    explanation: Any = ""
    done: Any = _("Done.")
    confirm: bool = False
    danger: bool = False
    audit: str = ""
    outside: bool = False

    def allowed_to(self, user: Any) -> bool:
        """Whether this member of the staff may do it at all."""
        return has_role(user, *self.roles)

    def perform(self, row: Any, data: dict[str, Any], *, actor: Any, at: datetime) -> Any:
        """Do it. Raises DomainError as the service does."""
        if not self.audit:
            return self.run(row, actor=actor, at=at, **data)
        if self.outside:
            self._note(row, data, actor=actor, at=at)
            return self.run(row, actor=actor, at=at, **data)
        with transaction.atomic():
            self._note(row, data, actor=actor, at=at)
            return self.run(row, actor=actor, at=at, **data)

    def _note(self, row: Any, data: dict[str, Any], *, actor: Any, at: datetime) -> None:
        audit.record(action=self.audit, subject=row, at=at, actor=actor, reason=data.get("reason", ""))


def shown(form: forms.Form) -> list[tuple[Any, str]]:
    """What was filled in, for the page that asks once more: (label, text) in the form's order."""
    pairs = []
    for field in form:
        value = form.cleaned_data.get(field.name)
        if isinstance(value, str):
            text = str(dict(getattr(field.field, "choices", ())).get(value, value))
        elif isinstance(value, list | dict):
            text = json.dumps(value, ensure_ascii=False)
        else:
            text = "" if value is None else str(value)
        pairs.append((field.label, text))
    return pairs
