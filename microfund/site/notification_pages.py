"""Which mails one gets (pages.md I9): those that may be switched off, and what always comes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from microfund.kernel import clock
from microfund.kernel.notices import choices
from microfund.kernel.pages import form_methods, private


class ChoicesForm(forms.Form):
    """One box for each kind of mail that may be switched off."""

    def __init__(self, *arguments: Any, wanted: set[str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        for kind in choices.optional_kinds():
            self.fields[kind.kind] = forms.BooleanField(
                label=kind.label, help_text=kind.hint, required=False, initial=kind.kind in wanted
            )

    def wanted(self) -> set[str]:
        """The kinds whose boxes are ticked."""
        return {name for name, ticked in self.cleaned_data.items() if ticked}


@private
@form_methods
@login_required
def notifications(request: HttpRequest) -> HttpResponse:
    """Switch kinds of mail on and off."""
    form = ChoicesForm(request.POST if request.method == "POST" else None, wanted=choices.wanted_kinds(request.user))
    if form.is_bound and form.is_valid():
        choices.choose(request.user, form.wanted(), at=clock.now())
        messages.success(request, _("Your choice is saved."))
        return redirect("notifications")
    return render(request, "site/notifications.html", {"form": form})
