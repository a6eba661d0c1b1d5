"""The samples of the site's own mails (microfund/kernel/notices/kinds.py). What is made here is never committed."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from investments.mail_samples import TO_INVESTOR, make_investor
from investments.repayment_samples import TO_STAFF
from microfund.kernel import clock
from microfund.kernel.notices import kinds

from . import closing, contact_pages


def _contact_message(language: str) -> None:
    words = {
        "en": ("Haruka Ito", "I moved last month. Where can I change my address?"),
        "ja": ("伊藤 遥", "先月引っ越しました。住所はどこで変えられますか。"),
    }[language]
    topic = contact_pages.Topic.values[0]
    message = {"email": "haruka.ito@example.com", "name": words[0], "topic": topic, "message": words[1]}
    contact_pages.send(message)


def _account_closed(language: str) -> None:
    investor = make_investor(language)
    closing.last_mail(investor.user, investor, True, at=clock.now())


def register() -> None:
    """Declare all; called once when the app is ready."""
    kinds.declare("contact_message", "", _("Somebody writes by the contact form"), TO_STAFF, _contact_message)
    kinds.declare("account_closed", "", _("Somebody has closed their account"), TO_INVESTOR, _account_closed)
