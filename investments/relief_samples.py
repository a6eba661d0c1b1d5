"""The samples of the mails about write-offs, moratoria and units that came by inheritance
(microfund/kernel/notices/kinds.py). What is made here is never committed. Amounts in yen."""

from __future__ import annotations

from functools import partial

from django.utils.translation import gettext_lazy as _

from businesses.mail_samples import TO_OWNERS, make_user
from investments import events, inheritance_mails, relief_mails, repayment_mails
from investments.distributions.changes import WriteOff
from investments.distributions.models import Distribution
from investments.holdings.models import Holding
from investments.inheritance.models import Inheritance, InheritanceShare
from investments.mail_samples import TO_HOLDERS, make_fund, make_holding, make_investor
from investments.offerings.models import Fund
from investments.orders.place import new_reference
from investments.repayment_samples import make_distribution, make_operating
from investments.revenue.models import Moratorium, MoratoriumFund
from microfund.kernel import clock
from microfund.kernel.notices import kinds

TO_HEIR = _("each heir")


def _written_off(language: str) -> WriteOff:
    """Two units of a period that the business could not pay: nothing of it has come, all of it is given up."""
    own, _holding = make_distribution(language)
    line = own.allocations.get()
    own.holdings, own.units, own.gross, own.principal, own.net = 1, 2, line.gross, line.principal, line.net
    own.state, own.approved_by, own.approved_at = Distribution.State.APPROVED, make_user("en"), clock.now()
    own.save()
    reason = {"en": "The cannery closed after the second flood.", "ja": "二度目の水害で工場を閉じたためです。"}
    row = WriteOff.objects.create(
        distribution=own,
        state=WriteOff.State.APPROVED,
        amount=line.gross,
        per_unit=own.per_unit,
        net=line.net,
        tax=0,
        reason=reason[language],
        maker=make_user("en"),
        prepared_at=clock.now(),
        checker=make_user("en"),
        approved_at=clock.now(),
    )
    own.written_off, own.written_off_per_unit = row.amount, row.per_unit
    own.save()
    return row


def _to_owners_of_written_off(language: str) -> None:
    row = _written_off(language)
    fund_id = row.distribution.fund_id
    relief_mails.written_off(events.DistributionWrittenOff(row.pk, row.distribution_id, fund_id, clock.now()))


def _to_holders_of_written_off(language: str) -> None:
    own = _written_off(language).distribution_id
    repayment_mails.holder_mail_batch(repayment_mails.HolderMailBatch("written_off", own, 0, clock.now()))


def _moratorium(language: str, state: str, action: str = Moratorium.Action.DEFER) -> MoratoriumFund:
    """A moratorium over the fourth period of a fund, of which somebody holds two units."""
    words = {
        "en": ("Earthquake off the bay", "The harbour is closed.", "The harbour is open again."),
        "ja": ("湾沖の地震", "港が使えないためです。", "港が再び使えるようになりました。"),
    }[language]
    fund, today, staff = make_operating(language), clock.today_in(), make_user("en")
    make_holding(language, fund)
    own = Moratorium.objects.create(
        title=words[0],
        reason=words[1],
        action=action,
        from_on=today,
        until_on=today.replace(year=today.year + 1, day=1),
        maker=make_user("en"),
        prepared_at=clock.now(),
    )
    part = MoratoriumFund.objects.create(moratorium=own, fund=fund)
    own.state, own.checker, own.approved_at = Moratorium.State.APPROVED, staff, clock.now()
    own.save()
    fund.periods.filter(number=4).update(relief=own.action, moratorium=own)
    part.state = MoratoriumFund.State.APPLIED
    if state == Moratorium.State.ENDED:
        own.end_maker, own.end_prepared_at, own.end_reason = own.maker, clock.now(), words[2]
        own.state, own.ended_by, own.ended_at = state, staff, clock.now()
        own.save()
        part.state = MoratoriumFund.State.LIFTED
    part.save()
    return part


def _moratorium_to_owners(language: str) -> None:
    part = _moratorium(language, Moratorium.State.APPROVED)
    relief_mails.moratorium_declared(events.MoratoriumDeclared(part.moratorium_id, clock.now()))


def _waived_to_owners(language: str) -> None:
    part = _moratorium(language, Moratorium.State.APPROVED, Moratorium.Action.WAIVE)
    relief_mails.moratorium_declared(events.MoratoriumDeclared(part.moratorium_id, clock.now()))


def _ended_to_owners(language: str) -> None:
    part = _moratorium(language, Moratorium.State.ENDED)
    relief_mails.moratorium_ended(events.MoratoriumEnded(part.moratorium_id, clock.now()))


def _moratorium_to_holders(kind: str, state: str, language: str) -> None:
    pk = _moratorium(language, state).moratorium_id
    repayment_mails.holder_mail_batch(repayment_mails.HolderMailBatch(kind, pk, 0, clock.now()))


def make_inheritance(language: str) -> InheritanceShare:
    """Two units of somebody who has died, moved today to one heir, who is paid what was still to be paid."""
    holding = make_holding(language, make_fund(language, state=Fund.State.OPERATING, opened=400, closed=True))
    heir = make_investor(language)
    row = Inheritance.objects.create(
        holding=holding,
        units=2,
        payee=heir,
        reason="sample",
        maker=make_user("en"),
        prepared_at=clock.now(),
    )
    share = InheritanceShare.objects.create(inheritance=row, heir=heir, units=2)
    row.state, row.checker, row.approved_at = Inheritance.State.DONE, make_user("en"), clock.now()
    row.moved_on = clock.today_in()
    row.save()
    Holding.objects.create(reference=new_reference(), investor=heir, fund=holding.fund, units=2, created_at=clock.now())
    return share


def _inherited(language: str) -> None:
    share = make_inheritance(language)
    row = share.inheritance
    inheritance_mails.units_inherited(events.UnitsInherited(row.pk, row.holding.fund_id, clock.now()))


def register() -> None:
    """Declare all; called once when the app is ready."""
    declare = kinds.declare
    what = _("What a period still owed was written off")
    declare("written_off", "E17", what, TO_OWNERS, _to_owners_of_written_off, name="written_off_owners")
    declare("written_off", "E17", what, TO_HOLDERS, _to_holders_of_written_off)
    for kind, state, when, to_owners in (
        ("moratorium", Moratorium.State.APPROVED, _("A moratorium is declared"), _moratorium_to_owners),
        ("moratorium_ended", Moratorium.State.ENDED, _("A moratorium was ended early"), _ended_to_owners),
    ):
        declare(kind, "E17", when, TO_OWNERS, to_owners, name=f"{kind}_owners")
        declare(kind, "E17", when, TO_HOLDERS, partial(_moratorium_to_holders, kind, state))
    waived = _("A moratorium is declared that does not count periods")
    declare("moratorium", "E17", waived, TO_OWNERS, _waived_to_owners, name="moratorium_waived")
    declare("units_inherited", "", _("Units have come to an heir"), TO_HEIR, _inherited)
