"""The mails about what became of a reward otherwise (pages.md 2.6, E18): changed by staff, inherited, or paid in money;
to the business what it owes for it."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.utils.translation import gettext as _

from investments.letters import to_investor, to_owners
from investments.mail_parts import operator_account
from investments.models import Inheritance
from microfund.kernel.money import format_money
from microfund.kernel.notices.letters import Letter, day, is_news
from microfund.kernel.notices.parts import in_language, link, name_of
from microfund.kernel.outbox.services import subscribe

from . import events
from .models import Compensation, Entitlement


def register() -> None:
    """Subscribe; called once when the app is ready."""
    subscribe(events.RewardReassigned, reward_reassigned)
    subscribe(events.RewardsInherited, rewards_inherited)
    subscribe(events.CompensationApproved, compensation_approved)
    subscribe(events.CompensationPaid, compensation_paid)
    subscribe(events.CompensationLost, compensation_lost)


def _named(row: Entitlement) -> str:
    text = in_language(row.cycle.offer, "text")
    return f"{text} × {row.quantity}" if row.quantity > 1 else text


def reward_reassigned(event: events.RewardReassigned) -> None:
    """To the holder: what stands now, and why."""
    if not is_news(event.at):
        return
    row = Entitlement.objects.select_related(
        "cycle__offer__fund__business", "holding__investor__user", "replaces__cycle__offer"
    ).get(pk=event.entitlement_id)

    def letter() -> Letter:
        words = {"business": name_of(row.cycle.offer.fund.business)}
        facts = [(_("Reward"), _named(row))]
        if row.replaces is not None:
            facts.insert(0, (_("Instead of"), _named(row.replaces)))
        if row.state == Entitlement.State.CLAIMABLE:
            facts.append((_("Claim by"), day(row.last_day)))
        return Letter(
            subject=_("Your reward of %(business)s was changed") % words,
            paragraphs=[_("The fund's staff changed what is sent to you, or where it goes.")],
            facts=facts,
            quoted=_("The reason:"),
            quote=event.reason,
            button=_("See your reward"),
            url=link("rewards:claim", row.pk),
        )

    key = f"reward_reassigned:{row.pk}:{event.at.isoformat()}"
    to_investor("reward_reassigned", row.holding.investor, letter, key=key, at=event.at)


def rewards_inherited(event: events.RewardsInherited) -> None:
    """To each heir who got something to claim."""
    if not is_news(event.at):
        return
    inheritance = Inheritance.objects.get(pk=event.inheritance_id)
    made = Entitlement.objects.filter(replaces__holding=inheritance.holding_id, state=Entitlement.State.CLAIMABLE)
    by_heir: dict[int, list[Entitlement]] = {}
    for row in made.select_related("cycle__offer__fund__business", "holding__investor__user").order_by(
        "claim_by", "pk"
    ):
        by_heir.setdefault(row.holding_id, []).append(row)
    for rows in by_heir.values():
        key = f"rewards_inherited:{inheritance.pk}:{rows[0].holding.investor_id}:{event.at.isoformat()}"
        to_investor("rewards_inherited", rows[0].holding.investor, partial(_inherited, rows), key=key, at=event.at)


def _inherited(rows: list[Entitlement]) -> Letter:
    words = {"business": name_of(rows[0].cycle.offer.fund.business), "date": day(rows[0].last_day)}
    return Letter(
        subject=_("Rewards of %(business)s that came to you with the units") % words,
        paragraphs=[
            _("With the units that you inherited you may claim what had not been sent yet."),
            _("Tell us by %(date)s where it should go: to you, to somebody else, or to a school or a food bank.")
            % words,
        ],
        facts=[(_("Reward"), _named(row)) for row in rows],
        button=_("See your rewards"),
        url=link("rewards:list"),
    )


def _compensation(pk: int) -> Compensation:
    return Compensation.objects.select_related(
        "entitlement__cycle__offer__fund__business", "entitlement__holding__investor__user"
    ).get(pk=pk)


def compensation_approved(event: events.CompensationApproved) -> None:
    """To the holder how much and why; to the owners what they owe."""
    if not is_news(event.at):
        return
    own = _compensation(event.compensation_id)
    row = own.entitlement
    to_investor(
        "compensation_approved",
        row.holding.investor,
        lambda: _decided(own, at=event.at),
        key=f"compensation_approved:{own.pk}",
        at=event.at,
    )
    to_owners(
        "compensation_owed", row.cycle.offer.fund, lambda: _owed(own), key=f"compensation_owed:{own.pk}", at=event.at
    )


def _decided(own: Compensation, *, at: datetime) -> Letter:
    row = own.entitlement
    assert own.due_on is not None
    words = {
        "business": name_of(row.cycle.offer.fund.business),
        "amount": format_money(own.amount),
        "date": day(own.due_on),
    }
    return Letter(
        subject=_("%(amount)s instead of your reward of %(business)s") % words,
        paragraphs=[
            _("Your reward cannot be delivered. %(business)s owes you %(amount)s instead.") % words,
            _("It pays by %(date)s; then the amount is transferred to the bank account that you gave.") % words,
        ],
        facts=[(_("Reward"), _named(row)), (_("Amount"), words["amount"])],
        quoted=_("The reason:"),
        quote=own.reason,
        button=_("See your reward"),
        url=link("rewards:claim", row.pk),
    )


def _owed(own: Compensation) -> Letter:
    row = own.entitlement
    fund = row.cycle.offer.fund
    assert own.due_on is not None
    words = {"reward": _named(row), "date": day(own.due_on), "amount": format_money(own.amount)}
    return Letter(
        subject=_("Instead of a reward: %(amount)s due on %(date)s") % words,
        paragraphs=[
            _("A reward could not be delivered: %(reward)s. Its holder gets money instead.") % words,
            _("Please transfer it by %(date)s, with the code in front of your name as the sender.") % words,
        ],
        facts=operator_account(own.amount, fund.currency, own.payer_code),
        quoted=_("The reason:"),
        quote=own.reason,
        button=_("See what is owed"),
        url=link("studio:payments", fund.business.slug),
    )


def compensation_paid(event: events.CompensationPaid) -> None:
    """To the holder: the transfer was made."""
    if not is_news(event.at):
        return
    own = _compensation(event.compensation_id)

    def letter() -> Letter:
        assert own.paid_on is not None
        words = {
            "business": name_of(own.entitlement.cycle.offer.fund.business),
            "amount": format_money(own.amount),
            "date": day(own.paid_on),
        }
        return Letter(
            subject=_("%(amount)s was transferred to you") % words,
            paragraphs=[
                _("It stands for your reward of %(business)s, which could not be delivered.") % words,
                _("The transfer was made on %(date)s.") % words,
            ],
            facts=[(_("Reward"), _named(own.entitlement)), (_("Amount"), words["amount"])],
            button=_("See your reward"),
            url=link("rewards:claim", own.entitlement_id),
        )

    to_investor(
        "compensation_paid", own.entitlement.holding.investor, letter, key=f"compensation_paid:{own.pk}", at=event.at
    )


def compensation_lost(event: events.CompensationLost) -> None:
    """To the holder that nothing more comes, and why; to the owners that they owe it no more."""
    if not is_news(event.at):
        return
    own = _compensation(event.compensation_id)
    row = own.entitlement
    words = {"amount": format_money(own.amount)}

    def to_holder() -> Letter:
        business = {"business": name_of(row.cycle.offer.fund.business), **words}
        return Letter(
            subject=_("%(business)s cannot pay %(amount)s instead of your reward") % business,
            paragraphs=[
                _("Two people of the fund's staff decided that the claim is given up. Nothing more comes of it."),
                _("We are sorry. Your units, and what the fund pays for them, are not touched by it."),
            ],
            facts=[(_("Reward"), _named(row)), (_("Amount"), words["amount"])],
            quoted=_("The reason:"),
            quote=own.loss_reason,
            button=_("See your reward"),
            url=link("rewards:claim", row.pk),
        )

    def to_business() -> Letter:
        return Letter(
            subject=_("Instead of a reward: %(amount)s is owed no more") % words,
            paragraphs=[_("The fund's staff has written it off. Please do not transfer it any more.")],
            facts=[(_("Reward"), _named(row)), (_("Amount"), words["amount"])],
            quoted=_("The reason:"),
            quote=own.loss_reason,
            button=_("See what is owed"),
            url=link("studio:payments", row.cycle.offer.fund.business.slug),
        )

    to_investor("compensation_lost", row.holding.investor, to_holder, key=f"compensation_lost:{own.pk}", at=event.at)
    to_owners(
        "compensation_let_off", row.cycle.offer.fund, to_business, key=f"compensation_let_off:{own.pk}", at=event.at
    )
