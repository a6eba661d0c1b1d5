"""The samples of the mails about rewards that ended otherwise (microfund/kernel/notices/kinds.py). What is made here is
never committed. Amounts in yen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.utils.translation import gettext_lazy as _

from businesses.mail_samples import TO_OWNERS, make_user
from investments.election_samples import make_taken
from investments.mail_samples import TO_INVESTOR
from investments.models import Holding, ReceiptUse, StatementFile, StatementLine
from investments.orders.place import new_payer_code
from investments.relief_samples import TO_HEIR, make_inheritance
from microfund.kernel import clock
from microfund.kernel.notices import kinds

from . import events, in_kind, in_kind_mails, settlement_mails
from .mail_samples import make_entitlement
from .models import Compensation, Entitlement, Offer

LOSS_REASON = {
    "en": "The business was closed and has no means left.",
    "ja": "事業を終えられ、支払う力が残っていないためです。",
}
REASON = {"en": "The storm took this season's harvest.", "ja": "嵐で今季の収穫が失われたためです。"}


def _reassigned(language: str) -> None:
    """Dried seaweed instead of oysters."""
    old = make_entitlement(language, Entitlement.State.MOVED)
    offer = Offer.objects.create(
        fund=old.holding.fund, text_en="A box of dried seaweed", text_ja="乾燥わかめ一箱", value=old.value
    )
    cycle = old.cycle
    cycle.pk, cycle.offer, cycle._state.adding = None, offer, True
    cycle.save()
    row = Entitlement.objects.create(cycle=cycle, holding=old.holding, quantity=1, replaces_id=old.pk)
    settlement_mails.reward_reassigned(events.RewardReassigned(row.pk, REASON[language], clock.now()))


def _inherited(language: str) -> None:
    share = make_inheritance(language)
    holding = share.inheritance.holding
    old = make_entitlement(language, Entitlement.State.CLAIMABLE, holding)
    old.state = Entitlement.State.MOVED
    old.save(update_fields=["state"])
    own = Holding.objects.get(fund=holding.fund, investor=share.heir)
    last = clock.today_in() + timedelta(days=30)
    Entitlement.objects.create(
        cycle=old.cycle,
        holding=own,
        quantity=1,
        state=Entitlement.State.CLAIMABLE,
        replaces=old,
        claim_by=last,
    )
    settlement_mails.rewards_inherited(events.RewardsInherited(share.inheritance_id, clock.now()))


def _compensation(language: str, *, paid: bool = False, lost: bool = False) -> Compensation:
    """Money instead of twenty oysters: approved, paid to the holder, or written off."""
    row = make_entitlement(language, Entitlement.State.RETURNED)
    today, values = clock.today_in(), {}
    if paid:
        file = StatementFile.objects.create(
            sha256=new_payer_code() * 6, format="csv", name="sample.csv", rows=1, imported_at=clock.now()
        )
        line = StatementLine.objects.create(
            file=file, row=1, booked_on=today, amount=3_000, payer_name="SAMPLE", payer_code="", remaining=0
        )
        use = ReceiptUse.objects.create(
            line=line, purpose="applied", target="sample", amount=3_000, happened_at=clock.now()
        )
        values = {"use": use, "paid_on": today}
    if lost:
        values = {
            "loss_reason": LOSS_REASON[language],
            "loss_maker": make_user("en"),
            "loss_prepared_at": clock.now(),
            "loss_checker": make_user("en"),
            "lost_on": today,
        }
    state = Compensation.State.PAID if paid else Compensation.State.LOST if lost else Compensation.State.APPROVED
    return Compensation.objects.create(
        entitlement=row,
        state=state,
        amount=3_000,
        value=3_000,
        reason=REASON[language],
        payer_code=new_payer_code(),
        due_on=today + timedelta(days=14),
        maker=make_user("en"),
        prepared_at=clock.now(),
        checker=make_user("en"),
        approved_at=clock.now(),
        **values,
    )


def _voucher(language: str) -> None:
    own = make_taken(language).distribution_id
    in_kind.issue(own, at=clock.now())
    in_kind_mails.voucher_mail_batch(in_kind_mails.VoucherMailBatch(own, 0, clock.now()))


def _tell(tell: Callable[[Any], None], event: Callable[..., Any], which: dict[str, bool], language: str) -> None:
    tell(event(_compensation(language, **which).pk, clock.now()))


def register() -> None:
    """Declare all; called once when the app is ready."""
    declare = kinds.declare
    declare("reward_reassigned", "E18", _("Staff changed a reward, or where it goes"), TO_INVESTOR, _reassigned)
    declare("rewards_inherited", "E18", _("Rewards have come to an heir with the units"), TO_HEIR, _inherited)
    approved = partial(_tell, settlement_mails.compensation_approved, events.CompensationApproved, {})
    when = _("Money is owed instead of a reward")
    declare("compensation_approved", "E18", when, TO_INVESTOR, approved)
    declare("compensation_owed", "E18", when, TO_OWNERS, approved)
    declare("voucher_ready", "E16", _("A payment in kind has its voucher"), TO_INVESTOR, _voucher)
    paid = partial(_tell, settlement_mails.compensation_paid, events.CompensationPaid, {"paid": True})
    declare("compensation_paid", "E18", _("Money instead of a reward was transferred"), TO_INVESTOR, paid)
    lost = partial(_tell, settlement_mails.compensation_lost, events.CompensationLost, {"lost": True})
    when = _("Money that is owed instead of a reward is written off")
    declare("compensation_lost", "E18", when, TO_INVESTOR, lost)
    declare("compensation_let_off", "E18", when, TO_OWNERS, lost)
