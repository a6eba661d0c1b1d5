"""Which mails one gets (pages.md I9): those that may be switched off, and what always comes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from businesses.following import digest_day
from businesses.models import DigestDay
from microfund.kernel import clock
from microfund.kernel.notices import choices
from microfund.kernel.pages import form_methods, private


class ChoicesForm(forms.Form):
    """The day of the weekly mail, and one box for each kind of mail that may be switched off."""

    weekday = forms.TypedChoiceField(
        label=gettext_lazy("Weekly mail with news, on"), coerce=int, choices=DigestDay.Weekday.choices
    )

    def __init__(self, *arguments: Any, wanted: set[str], day: DigestDay | None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.initial["weekday"] = day.weekday if day else DigestDay.Weekday.MONDAY.value
        self.fields["weekday"].help_text = self._about(day)
        for kind in choices.optional_kinds():
            self.fields[kind.kind] = forms.BooleanField(
                label=kind.label, help_text=kind.hint, required=False, initial=kind.kind in wanted
            )

    @staticmethod
    def _about(day: DigestDay | None) -> str:
        text = _("For businesses that you follow once a week. A new day begins a week or more after your last mail.")
        if day is None:
            return text
        return f"{text} " + _("Your next one comes on %(date)s.") % {"date": date_format(day.next_on, "DATE_FORMAT")}

    def wanted(self) -> set[str]:
        """The kinds whose boxes are ticked."""
        return {kind.kind for kind in choices.optional_kinds() if self.cleaned_data[kind.kind]}


@private
@form_methods
@login_required
def notifications(request: HttpRequest) -> HttpResponse:
    """Switch kinds of mail on and off, and choose the day of the weekly one."""
    form = ChoicesForm(
        request.POST if request.method == "POST" else None,
        wanted=choices.wanted_kinds(request.user),
        day=digest_day.day_of(request.user),
    )
    if form.is_bound and form.is_valid():
        at = clock.now()
        with transaction.atomic():
            digest_day.choose(request.user, form.cleaned_data["weekday"], on=clock.today_in(at=at), at=at)
            choices.choose(request.user, form.wanted(), at=at)
        messages.success(request, _("Your choice is saved."))
        return redirect("notifications")
    return render(request, "site/notifications.html", {"form": form})
