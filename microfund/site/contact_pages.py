"""Writing to the operator (pages.md P18): a form without an account, whose message reaches staff as a mail."""

from __future__ import annotations

import hashlib
from typing import Any

from allauth.account.adapter import get_adapter
from django import forms
from django.conf import settings
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from businesses.questions.queries import shown_question
from microfund.kernel import clock, limits
from microfund.kernel.notices import services as notices
from microfund.kernel.pages import form_methods

from .plain_pages import context_of
from .templatetags.tomobune import active_language, bilingual_filter

#: Messages from one network address and one e-mail address: what is counted, by whom, how many, within seconds.
LIMITS = (
    ("contact.hour", "ip", 5, 3600),
    ("contact.day", "ip", 20, 24 * 3600),
    ("contact.address", "email", 10, 24 * 3600),
)


class Topic(models.TextChoices):
    """What a message is about; it stands in the subject of the mail."""

    ORDER = "order", _("an order or a payment")
    ACCOUNT = "account", _("my account")
    BUSINESS = "business", _("a business or a fund")
    BARRIER = "barrier", _("something that does not work for me")
    PRIVACY = "privacy", _("my data")
    OTHER = "other", _("something else")


class ContactForm(forms.Form):
    """A message to the operator. The address is only written to, never shown."""

    name = forms.CharField(
        label=_("Name"), max_length=120, required=False, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("We answer to this address."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    topic = forms.ChoiceField(label=_("What is it about?"), choices=Topic.choices)
    message = forms.CharField(
        label=_("Message"), min_length=10, max_length=4_000, widget=forms.Textarea(attrs={"rows": 8})
    )


@never_cache
@form_methods
def contact(request: HttpRequest) -> HttpResponse:
    """P18: write to the operator. Sent once however often the button is pressed; too many messages answer 429 and
    say from when on one can write again."""
    if request.method == "POST":
        form = ContactForm(request.POST)
        if form.is_valid():
            refused = _too_often(request, form.cleaned_data["email"].lower())
            if not refused:
                send(form.cleaned_data)
                return redirect("contact_sent")
            form.add_error(None, refused)
            return render(request, "site/contact.html", {**context_of("contact"), "form": form}, status=429)
    else:
        form = ContactForm(initial=_initial(request))
    context = {**context_of("contact"), "form": form}
    return render(request, "site/contact.html", context, status=422 if form.errors else 200)


def _too_often(request: HttpRequest, email: str) -> str:
    """Counts one more message; from when on one can write again where that is one too many, else nothing."""
    ip = get_adapter(request).get_client_ip(request)
    for what, who, most, seconds in LIMITS:
        by = email if who == "email" else ip
        if not limits.allowed(what, by, most=most, seconds=seconds):
            again = limits.words(limits.again_at(what, by))
            return _("Many messages came from you or from here. You can send this one from %(time)s, Japan time.") % {
                "time": again
            }
    return ""


def _initial(request: HttpRequest) -> dict[str, str]:
    """The address of who is logged in; what a business that asks for help with a question (`?question=`) asks about."""
    initial = {"email": request.user.email} if request.user.is_authenticated else {}
    asked = request.GET.get("question", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 18 else 0
    row = shown_question(number)
    if row is not None:
        name = bilingual_filter(row.business, "name")
        about = _("How should we answer this question to %(name)s?") % {"name": name}
        initial |= {"topic": Topic.BUSINESS.value, "message": f"{about}\n\n“{row.text}”\n\n"}
    return initial


@never_cache
@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    """P18: the message is on its way."""
    return render(request, "site/contact_sent.html", context_of("contact"))


def send(message: dict[str, Any]) -> None:
    """Queue the mail to the operator. The same words from the same address on one day are one message."""
    at = clock.now()
    on = clock.today_in(at=at)
    said = "\0".join([message["email"].lower(), message["topic"], message["message"], on.isoformat()])
    digest = hashlib.sha256(said.encode()).hexdigest()
    with transaction.atomic():
        notices.queue(
            "contact_message",
            key=f"contact:{digest}",
            to=settings.OPERATOR["email"],
            language=active_language(),
            at=at,
            context={**message, "topic": Topic(message["topic"]).label, "reference": digest[:8]},
        )
