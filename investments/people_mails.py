"""The mails about a person rather than an order (pages.md 2.6, E5): the account they are paid to, their identity check,
units they wait for.

In the language of their login, once for each event and address, whatever runs twice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from investments import events, mail_parts
from investments.banking.models import BankAccount
from investments.investors.models import IdentityCase, Investor
from investments.offerings.models import Fund
from microfund.kernel.accounts.former import addresses_to_warn
from microfund.kernel.accounts.models import User
from microfund.kernel.notices import services as notices
from microfund.kernel.notices.letters import Letter, day, is_news, to_user
from microfund.kernel.notices.parts import name_of
from microfund.kernel.outbox.services import subscribe


def register() -> None:
    """Subscribe to what people are mailed about; called once when the app is ready."""
    subscribe(events.BankAccountChanged, bank_account_changed)
    subscribe(events.IdentityRejected, identity_rejected)
    subscribe(events.UnitsFree, units_free)


def bank_account_changed(event: events.BankAccountChanged) -> None:
    """E5: to the login's address, and to the one before it if that was changed within the last weeks."""
    account = BankAccount.objects.select_related("investor__user").get(pk=event.account_id)
    user = account.investor.user
    first = not BankAccount.objects.filter(investor_id=account.investor_id, pk__lt=account.pk).exists()
    for number, address in enumerate(addresses_to_warn(user, at=event.at)):
        key = f"bank_changed:{account.pk}" if number == 0 else f"bank_changed:{account.pk}:former{number}"
        with translation.override(user.language):
            _mail(
                "bank_changed",
                account.investor,
                key=key,
                to=address,
                at=event.at,
                account=account,
                first=first,
                url=mail_parts.link("investments:bank"),
            )


def identity_rejected(event: events.IdentityRejected) -> None:
    """Why the identity could not be confirmed, and how to send a document again."""
    case = IdentityCase.objects.select_related("investor__user").get(pk=event.case_id)
    investor = case.investor
    with translation.override(investor.user.language):
        _mail(
            "identity_rejected",
            investor,
            key=f"identity_rejected:{case.pk}",
            at=event.at,
            cause=case.get_cause_display(),
            url=mail_parts.link("investments:identity"),
            profile_url=mail_parts.link("investments:profile"),
        )


def units_free(event: events.UnitsFree) -> None:
    """Units that somebody waits for are free again."""
    if not is_news(event.at):
        return
    user = User.objects.get(pk=event.user_id)
    fund = Fund.objects.select_related("business").get(pk=event.fund_id)

    def letter() -> Letter:
        words = {"fund": name_of(fund), "date": day(fund.closes_on)}
        return Letter(
            subject=_("Units of %(fund)s are free again") % words,
            paragraphs=[
                _("You wait for units of %(fund)s, and some are free again.") % words,
                _("They are not held for you: whoever orders first gets them. The offering ends on %(date)s.") % words,
            ],
            button=_("Choose units"),
            url=mail_parts.link("investments:units", fund.slug),
        )

    to_user("units_free", user, letter, key=f"units_free:{fund.pk}:{user.pk}:{event.at.isoformat()}", at=event.at)


def _mail(kind: str, investor: Investor, *, key: str, at: datetime, to: str = "", **context: Any) -> None:
    user = investor.user
    notices.queue(
        kind,
        key=key,
        to=to or user.email,
        language=user.language,
        at=at,
        user=user,
        context={"name": investor.name, **context},
    )
