"""The samples of the mails about repayment in kind (microfund/kernel/notices/kinds.py). What is made here is never
committed. Amounts in yen."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from businesses.mail_samples import TO_OWNERS, make_user
from investments import election_mails, events, repayment_mails
from investments.distributions.elected import ElectedLine, ElectedReturn, Election, ElectionOffer
from investments.distributions.models import Distribution
from investments.mail_samples import TO_HOLDERS, TO_INVESTOR
from investments.repayment_samples import make_distribution
from microfund.kernel import clock
from microfund.kernel.notices import kinds

_BONUS = Decimal("0.1")


def make_taken(language: str, choice: str = "in_kind") -> ElectedLine:
    """Two units of which what the period pays is taken in kind with a bonus of a tenth, or given back; approved."""
    own, holding = make_distribution(language)
    line, user, at = own.allocations.get(), make_user("en"), clock.now()
    offer = ElectionOffer.objects.create(
        fund=own.fund, in_kind=True, bonus=_BONUS, give_back=True, reason="Agreed.", made_by=user, made_at=at
    )
    bonus = _BONUS if choice == "in_kind" else Decimal(0)
    election = Election.objects.create(
        holding=holding, offer=offer, choice=choice, bonus=bonus, made_by=user, made_at=at
    )
    made = ElectedLine.objects.create(
        allocation=line,
        distribution=own,
        election=election,
        choice=choice,
        bonus=bonus,
        units=2,
        net=line.net,
        tax=0,
    )
    own.holdings, own.units, own.gross, own.principal, own.net = 1, 2, line.gross, line.principal, line.net
    own.elected_units = 2
    own.in_kind, own.given_back = (line.net, 0) if choice == "in_kind" else (0, line.net)
    own.state, own.approved_by, own.approved_at = Distribution.State.APPROVED, make_user("en"), at
    own.save()
    return made


def _result(language: str, choice: str) -> None:
    own = make_taken(language, choice).distribution_id
    repayment_mails.holder_mail_batch(repayment_mails.HolderMailBatch("period_result", own, 0, clock.now()))


def _in_kind(language: str) -> None:
    _result(language, "in_kind")


def _given_back(language: str) -> None:
    _result(language, "give_back")


def _owed_in_goods(language: str) -> None:
    own = make_taken(language).distribution
    repayment_mails.distribution_approved(events.DistributionApproved(own.pk, own.fund_id, clock.now()))


def _returned(language: str) -> None:
    line = make_taken(language)
    row = ElectedReturn.objects.create(
        line=line, distribution=line.distribution, amount=line.net // 2, happened_at=clock.now()
    )
    own = line.distribution
    own.returned = row.amount
    own.save(update_fields=["returned"])
    election_mails.elected_returned(events.ElectedReturned(row.pk, own.fund_id, row.amount, clock.now()))


def register() -> None:
    """Declare all; called once when the app is ready."""
    declare = kinds.declare
    taken = _("What a period pays is taken in kind")
    declare("period_result", "E15", taken, TO_HOLDERS, _in_kind, name="period_result_in_kind")
    given = _("What a period pays is given back")
    declare("period_result", "E15", given, TO_HOLDERS, _given_back, name="period_result_given_back")
    declare("payment_owed", "E15", taken, TO_OWNERS, _owed_in_goods, name="payment_owed_in_kind")
    when = _("A voucher in kind was not used up")
    declare("elected_returned", "E16", when, TO_INVESTOR, _returned)
    declare("elected_returned", "E16", when, TO_OWNERS, _returned, name="elected_returned_owners")
