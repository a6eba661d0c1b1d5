"""The mails about transfers to holders (pages.md 2.6, E16): what a run sent, what a bank sent back, and sums that
changed after they were announced."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import F
from django.utils.translation import gettext as _

from investments import events
from investments.distributions.changes import Retax, RetaxedAllocation
from investments.distributions.explain import tax_words
from investments.distributions.taxed import due
from investments.investors.models import Investor
from investments.letters import to_investor
from investments.offerings.models import Fund
from investments.payouts.models import PayoutAttempt
from investments.repayment_mails import KINDS, HolderMailBatch, Kind, Writer, batch, distribution_of, lines_of, sums
from microfund.kernel.money import format_money
from microfund.kernel.notices.letters import Letter, day, is_news
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.outbox.services import subscribe


def register() -> None:
    """Subscribe to what is mailed about; called once when the app is ready."""
    subscribe(events.PayoutsPaid, payouts_paid)
    subscribe(events.PayoutReturned, payout_returned)
    subscribe(events.DistributionRetaxed, distribution_retaxed)


def payouts_paid(event: events.PayoutsPaid) -> None:
    """E16: a run has arrived."""
    if is_news(event.at):
        batch(HolderMailBatch("payout_paid", event.run_id, 0, event.at))


def _paid(pk: int, investors: Sequence[Investor]) -> Writer:
    """E16: one mail for all of a run that went to a person, fund by fund."""
    attempts = PayoutAttempt.objects.filter(
        run_id=pk, state=PayoutAttempt.State.PAID, payout__investor__in=investors
    ).select_related("payout__fund__business", "account", "run")
    own: dict[int, list[PayoutAttempt]] = {}
    for attempt in attempts.order_by("pk"):
        own.setdefault(attempt.payout.investor_id, []).append(attempt)

    def letter(investor: Investor) -> Letter:
        sent = own[investor.pk]
        payouts = [attempt.payout for attempt in sent]
        currency = payouts[0].fund.currency
        parts = ("gross", "principal", "profit", "tax", "net", "returned")
        totals = {part: sum(getattr(payout, part) for payout in payouts) for part in parts}
        words = {
            "amount": format_money(sum(attempt.amount for attempt in sent), currency),
            "date": day(sent[0].run.pay_on),
            "account": f"{sent[0].account.bank_name} {sent[0].account.branch_name} {sent[0].account.masked}",
        }
        ended = [
            _("With this, %(fund)s has ended. Your final statement, on the page of the holding, lists all it paid.")
            % {"fund": name_of(payout.fund)}
            for payout in payouts
            if payout.fund.state == Fund.State.WOUND_UP
        ]
        return Letter(
            subject=_("%(amount)s was paid to your account") % words,
            paragraphs=[_("On %(date)s we transferred %(amount)s to %(account)s.") % words, *ended],
            facts=[
                *((name_of(p.fund.business), format_money(p.net, currency)) for p in payouts),
                *sums(**totals, currency=currency),
            ],
            button=_("See your payments"),
            url=link("distributions"),
        )

    return letter


def payout_returned(event: events.PayoutReturned) -> None:
    """E16, second part: the bank sent the money back; it is kept, and goes out again with the next run."""
    if not is_news(event.at):
        return
    attempt = PayoutAttempt.objects.select_related(
        "payout__investor__user", "payout__fund__business", "account", "bank_return"
    ).get(pk=event.attempt_id)
    investor, fund = attempt.payout.investor, attempt.payout.fund

    def letter() -> Letter:
        return Letter(
            subject=_("A payment came back from your bank"),
            paragraphs=[
                _("What we transferred to you came back: %(cause)s.")
                % {"cause": attempt.bank_return.get_cause_display()},
                _(
                    "The money is yours and kept for you. Please look at your bank account: it goes out again with the"
                    " next transfers once the account is right."
                ),
            ],
            facts=[
                (_("Business"), name_of(fund.business)),
                (_("Amount"), format_money(attempt.amount, fund.currency)),
                (_("Account"), f"{attempt.account.bank_name} {attempt.account.branch_name} {attempt.account.masked}"),
                (_("Returned on"), day(attempt.bank_return.returned_on)),
            ],
            button=_("Look at the bank account"),
            url=link("investments:bank"),
        )

    to_investor("payout_returned", investor, letter, key=f"payout_returned:{attempt.pk}", at=event.at)


def distribution_retaxed(event: events.DistributionRetaxed) -> None:
    """What was announced as the net of a payment is another sum by the law of the transfer date."""
    if is_news(event.at):
        batch(HolderMailBatch("payment_retaxed", event.retax_id, 0, event.at))


def _retaxed(pk: int, investors: Sequence[Investor]) -> Writer:
    """What is paid now instead, and why."""
    own = distribution_of(Retax.objects.only("distribution_id").get(pk=pk).distribution_id)
    lines = lines_of(own, investors, "retaxed__retax")

    def letter(investor: Investor) -> Letter:
        line = lines[investor.pk]
        now = due(line)
        words = {"business": name_of(own.fund.business), "number": own.period.number}
        return Letter(
            subject=_("%(business)s: the tax on your payment of period %(number)d has changed") % words,
            paragraphs=[
                _("We told you what period %(number)d of %(business)s pays you. The tax on it is another one by now.")
                % words,
                tax_words(line)[-1],
                _("What it pays before tax is the same. Tax that was withheld goes to the tax office, not to us."),
            ],
            facts=sums(now.gross, now.principal, now.profit, now.tax, now.net, own.fund.currency),
            button=_("See this payment"),
            url=link("distribution", line.pk),
        )

    return letter


KINDS |= {
    "payment_retaxed": Kind(
        lambda retax: (
            RetaxedAllocation.objects.filter(retax_id=retax)
            .exclude(tax=F("tax_before"))
            .values("allocation__holding__investor_id")
        ),
        _retaxed,
    ),
    "payout_paid": Kind(
        lambda run: PayoutAttempt.objects.filter(run_id=run, state="paid").values("payout__investor_id"), _paid
    ),
}
