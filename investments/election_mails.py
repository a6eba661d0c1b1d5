"""The mails about what was not used of a voucher in kind (pages.md 2.6, E16): to the holder that it comes in cash, to
the owners that they owe it again."""

from __future__ import annotations

from django.utils.translation import gettext as _

from investments import events
from investments.distributions.elected import ElectedReturn
from investments.letters import to_investor, to_owners
from investments.mail_parts import operator_account
from microfund.kernel.money import format_money
from microfund.kernel.notices.letters import Letter, is_news
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.outbox.services import subscribe


def register() -> None:
    """Subscribe to what is mailed about; called once when the app is ready."""
    subscribe(events.ElectedReturned, elected_returned)


def elected_returned(event: events.ElectedReturned) -> None:
    """E16: a voucher has ended with something left of it."""
    if not is_news(event.at):
        return
    row = ElectedReturn.objects.select_related(
        "distribution__fund__business", "distribution__period", "line__allocation__holding__investor__user"
    ).get(pk=event.return_id)
    key = f"elected_returned:{row.pk}"
    investor = row.line.allocation.holding.investor
    to_investor("elected_returned", investor, lambda: _to_holder(row), key=key, at=event.at)
    to_owners("elected_returned", row.distribution.fund, lambda: _to_owners(row), key=key, at=event.at)


def _words(row: ElectedReturn) -> dict[str, object]:
    fund = row.distribution.fund
    return {
        "amount": format_money(row.amount, fund.currency),
        "business": name_of(fund.business),
        "number": row.distribution.period.number,
        "fund": name_of(fund),
    }


def _to_holder(row: ElectedReturn) -> Letter:
    words = _words(row)
    return Letter(
        subject=_("%(amount)s of your voucher come back in cash") % words,
        paragraphs=[
            _("Your voucher of %(business)s for period %(number)d has ended; a part of it was not used.") % words,
            _(
                "The business pays that part in cash, without the bonus. Tax was withheld before. It comes with your"
                " next payment once the business has paid."
            ),
        ],
        facts=[(_("Back in cash"), str(words["amount"]))],
        button=_("See this payment"),
        url=link("distribution", row.line.allocation_id),
    )


def _to_owners(row: ElectedReturn) -> Letter:
    words, own = _words(row), row.distribution
    return Letter(
        subject=_("A voucher was not used: %(amount)s are owed in cash") % words,
        paragraphs=[
            _("A voucher for period %(number)d of %(fund)s has ended, and %(amount)s of it were not used.") % words,
            _("You owe them in cash again, without the bonus. Please transfer them with this code."),
        ],
        facts=operator_account(row.amount, own.fund.currency, own.payer_code),
        button=_("See what is owed"),
        url=link("studio:payments", own.fund.business.slug),
    )
