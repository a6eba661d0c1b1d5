"""What happened in the demo's world, day by day: every step is a call of the services that the site itself uses.

Steps are collected with their dates first and played in order; after each day the sweeps of that business date run, as
the worker would have done.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from datetime import date, datetime, timedelta
from typing import Any

from django.core.management.base import CommandError

from investments.banking import outgoing
from investments.banking import services as banking
from investments.investors import calendar
from investments.investors.models import Investor
from investments.offerings import services as offerings
from investments.offerings.models import Document, Fund
from investments.orders import services as orders
from investments.orders.giving import Wish
from investments.orders.models import Order
from investments.payments import refund, services, settle
from investments.payments.models import Dispute, PaymentAttempt, Refund
from microfund.kernel import clock
from microfund.kernel.accounts.models import User
from microfund.kernel.schedule import services as schedule

from . import carrier, gifts, in_kind, news, repayment, rewards, sections, visits
from .sandbox import Sandbox
from .world import Plan

NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
# Orders of the crowd are large, and its days few, so that a demo is built within minutes; at most this share of a fund
# is placed before the bank is asked, so that the units waiting for a transfer stay under the policy's share.
CROWD_LEAST, CROWD_MOST = 42, 49
WAITING_SHARE_PERCENT = 16
STATEMENTS_A_DAY = 3

#: What some of those write who show their name.
MESSAGES = (
    "子どものころ、夏はいつもこの浜でした。応援しています。",
    "再開したら、家族で食べに行きます。",
    "無理をせず、一歩ずつ進んでください。",
    "ニュースを読むのを毎月楽しみにしています。",
)


class Story:
    """Collects dated steps and plays them."""

    def __init__(
        self,
        as_of: date,
        *,
        plans: list[Plan],
        named: dict[str, Investor],
        crowd: list[Investor],
        staff: dict[str, User],
        say: Callable[[str], None],
    ) -> None:
        self.as_of = as_of
        self.plans = {plan.key: plan for plan in plans}
        self.named = named
        self.crowd = crowd
        self.staff = staff
        self.say = say
        self.sandbox = Sandbox()
        self.chance = random.Random(20110311)  # noqa: S311 - the demo's crowd, the same each time
        self.steps: dict[date, list[Callable[[datetime], None]]] = {}
        self.transfers: list[dict[str, Any]] = []
        self.orders: dict[str, Order] = {}

    def play(self) -> None:
        """Play the whole story up to the day of the demo."""
        for plan in self.plans.values():
            self._fund(plan)
        self._named_people()
        news.tell(self)
        news.ask(self)
        repayment.tell(self)
        in_kind.tell(self)
        rewards.tell(self)
        visits.tell(self)
        sections.tell(self)
        # What happens at the provider is only answered by this process; its webhooks have nobody to go to yet.
        self.sandbox.control("faults", webhooks="lose")
        years = set()
        try:
            # A process with other threads is not forked: what they hold, connections among them, would be held twice.
            alone = threading.active_count() == 1
            with carrier.Carrier() if alone else nullcontext() as beside:
                for day in sorted(day for day in self.steps if day <= self.as_of):
                    self._day(day, leave_out=carrier.SWEEPS if beside else ())
                    if beside:
                        beside.day_is_over()
                    if day.year not in years:
                        years.add(day.year)
                        self.say(f"  {day.year} …")
            schedule.run_due(on=self.as_of, always_record=True)
        finally:
            self.sandbox.control("clock", at=None)
            self.sandbox.control("faults", webhooks="normal")

    def _day(self, day: date, *, leave_out: tuple[str, ...]) -> None:
        noon = clock.start_of_day(day) + timedelta(hours=12)
        self.sandbox.control("clock", at=noon.isoformat())
        for step in self.steps[day]:
            step(noon)
        self._read_statement(noon)
        for name, (_counts, error) in schedule.run_due(on=day, leave_out=leave_out).items():
            if error:
                raise CommandError(f"seed_demo: {name} on {day}: {error}")

    def _read_statement(self, noon: datetime) -> None:
        """Import what the bank has of this day, if anybody made a transfer since it was last asked."""
        if not self.transfers:
            return
        day = clock.today_in(None, noon)
        self.sandbox.control("bank/transfers", transfers=self.transfers)
        self.transfers = []
        banking.import_statement(
            content=self.sandbox.statement(day),
            name=f"statement-{day}.csv",
            format="csv",
            actor=self.staff["maker"],
            at=noon + timedelta(hours=4),
        )

    def at(self, day: date, step: Callable[[datetime], None]) -> None:
        """Play `step` at noon of `day`."""
        self.steps.setdefault(day, []).append(step)

    # --- Funds and their crowd ---------------------------------------------------------------------------

    def _fund(self, plan: Plan) -> None:
        fund = plan.fund
        self.at(fund.opens_on, lambda at: None)
        # Sweeps that close, fail and start must find their days.
        for day in (fund.closes_on + timedelta(days=1), fund.closes_on + timedelta(days=16), fund.term_starts_on):
            self.at(day, lambda at: None)
        target = plan.sold - NAMED_UNITS.get(plan.key, 0)
        kenji = 2 if plan.key in KENJI else 0
        if kenji:
            self.at(
                fund.opens_on + timedelta(days=1),
                lambda at: self._by_transfer(plan, self.named["kenji"], kenji, at, f"kenji-{plan.key}"),
            )
        self._crowd(plan, target - kenji)

    def _crowd(self, plan: Plan, units: int) -> None:
        """Spread `units` over supporters and days; the last order takes what is left."""
        buyers = self.chance.sample(self.crowd, len(self.crowd))
        sizes: list[int] = []
        left = units
        while left:
            size = min(left, self.chance.randint(CROWD_LEAST, CROWD_MOST))
            # Never leave a rest that no further order could take in its own right.
            sizes.append(size)
            left -= size
        if len(sizes) > len(buyers):
            raise CommandError(f"seed_demo: {plan.key} needs {len(sizes)} supporters")
        terms = plan.fund.terms.get()
        most = max(CROWD_MOST, terms.units_offered * WAITING_SHARE_PERCENT // 100)
        day, waiting, statements = plan.fund.opens_on + timedelta(days=2), 0, 0
        last = min(self.as_of - timedelta(days=11), plan.fund.closes_on - timedelta(days=12))
        for number, (buyer, size) in enumerate(zip(buyers, sizes, strict=False)):
            if waiting + size > most:
                self.at(day, self._read_statement)
                waiting, statements = 0, statements + 1
                if statements % STATEMENTS_A_DAY == 0:
                    day = min(day + timedelta(days=self.chance.randint(6, 10)), last)
            waiting += size
            self.at(
                day,
                lambda at, buyer=buyer, size=size, number=number: self._by_transfer(  # type: ignore[misc]
                    plan, buyer, size, at, f"crowd-{plan.key}-{number}"
                ),
            )

    # --- Acts ----------------------------------------------------------------------------------------------

    def accepted(self, plan: Plan, investor: Investor, at: datetime) -> list[orders.Accepted]:
        """The documents of the plan's fund in a person's language, read and accepted."""
        terms, language = offerings.current_terms(plan.fund), investor.user.language
        documents = Document.objects.filter(terms=terms, language=language).order_by("kind")
        return [orders.Accepted(pk, sha256, at, "127.0.0.1") for pk, sha256 in documents.values_list("pk", "sha256")]

    def _place(
        self, plan: Plan, investor: Investor, units: int, method: str, at: datetime, key: str, gift: Wish | None = None
    ) -> Order:
        language = investor.user.language
        order = orders.place_order(
            investor=investor,
            fund=Fund.objects.get(pk=plan.fund.pk),
            units=units,
            method=method,
            form_token=uuid.uuid5(NAMESPACE, f"{self.as_of}:{key}"),
            acceptances=self.accepted(plan, investor, at),
            answers={"understood": True},
            language=language,
            at=at,
            name_shown=units % 3 == 0,
            message=MESSAGES[investor.pk % 4] if units % 3 == 0 and investor.pk % 5 == 0 else "",
            gift=gift,
        )
        self.orders[key] = order
        return order

    def _by_transfer(
        self, plan: Plan, investor: Investor, units: int, at: datetime, key: str, *, pays: int | None = None
    ) -> None:
        """Order, and transfer the same day: the whole amount, or `pays` yen (0: never)."""
        order = self._place(plan, investor, units, "bank_transfer", at, key)
        services.start_payment(order, at=at)
        amount = order.total if pays is None else pays
        if amount:
            self.transfer(investor.name_kana, amount, order.payer_code, at)

    def transfer(self, payer: str, amount: int, code: str, at: datetime) -> None:
        """Somebody makes a transfer of `amount` yen to the operator's account today."""
        day = clock.today_in(None, at).isoformat()
        self.transfers.append({"payer_name": payer, "amount": amount, "payer_code": code, "date": day})

    def by_card(
        self,
        plan: Plan,
        investor: Investor,
        units: int,
        at: datetime,
        key: str,
        *,
        how: str = "card",
        gift: Wish | None = None,
    ) -> PaymentAttempt:
        """Order, pay on the provider's page, come back."""
        order = self._place(plan, investor, units, "konbini" if how == "konbini" else "card", at, key, gift)
        attempt = services.start_payment(order, at=at)
        self.sandbox.control("pay", session=attempt.session_id, how=how)
        return settle.settle(attempt.pk, at=at + timedelta(minutes=3))

    # --- The named people -----------------------------------------------------------------------------------

    def _named_people(self) -> None:
        plans, named = self.plans, self.named
        oysters, tofu = plans["mitsuiso-oysters"], plans["yukihira-tofu"]
        ramen, boats = plans["namioto-ramen"], plans["isobe-boats"]
        bakery = plans["komugi-bakery"]

        def ago(days: int) -> date:
            return self.as_of - timedelta(days=days)

        self.at(ago(20), lambda at: self._card(oysters, "haruka", 1, at))
        self.at(ago(22), lambda at: self._by_transfer(oysters, named["aoba"], 10, at, "aoba"))
        self.at(ago(15), lambda at: self._card(ramen, "ellen", 3, at))
        self.at(ago(18), lambda at: self._card(boats, "giver", 2, at))
        self.at(ago(2), lambda at: self._card(boats, "mei", 5, at))
        gifts.plan(self, boats, oysters, ago)
        self.at(ago(6), lambda at: self._card(oysters, "changed", 2, at))
        self.at(ago(4), self._cancel_changed)
        self.at(ago(30), lambda at: self._by_transfer(oysters, named["atcap"], 29, at, "atcap-1"))
        self.at(ago(24), lambda at: self._by_transfer(oysters, named["atcap"], 20, at, "atcap-2"))
        self.at(ago(10), lambda at: self._card(ramen, "waiting", 2, at))
        self.at(ago(3), lambda at: self._by_transfer(boats, named["short"], 4, at, "short", pays=80_000))
        self.at(ago(3), lambda at: self._by_transfer(boats, named["over"], 1, at, "over", pays=31_000))
        self.at(ago(3), lambda at: self.transfer("ヤマカワ ナオ", 10_500, "", at))
        self.at(ago(0), lambda at: self.by_card(tofu, named["konbini"], 1, at, "konbini", how="konbini") and None)
        self.at(ago(16), lambda at: self._card(ramen, "disputed", 2, at))
        self.at(ago(5), self.dispute)
        self.at(ago(14), lambda at: self._by_transfer(boats, named["forgot"], 3, at, "forgot", pays=0))
        self.at(ago(12), lambda at: self._card(oysters, "hidden", 1, at))
        self.at(ago(19), lambda at: self._card(oysters, "teacher", 3, at))
        self.at(ago(1), lambda at: self._card(oysters, "latecard", 1, at))
        self.at(ago(8), lambda at: self.sandbox.control("payouts/make") and None)
        # Who holds nine funds reads their dates in a calendar of his own.
        self.at(ago(6), lambda at: calendar.make_address(named["kenji"].user, at=at) and None)
        self.at(bakery.fund.opens_on + timedelta(days=3), lambda at: self._by_transfer(
            bakery, named["haruka"], 2, at, "haruka-bakery"
        ))  # fmt: skip
        self.at(bakery.fund.opens_on + timedelta(days=4), lambda at: self._by_transfer(
            bakery, named["waiting"], 1, at, "waiting-bakery"
        ))  # fmt: skip
        # The failed fund: refunds of bank transfers are paid by two people, one still waits for its second.
        self.at(bakery.fund.closes_on + timedelta(days=24), self._pay_back_bakery)
        # Chargebacks that have ended, and a refund that the card's bank would not take.
        self.at(ago(25), lambda at: self._card(oysters, "mei", 1, at, order="won"))
        self.at(ago(21), lambda at: self._card(boats, "haruka", 1, at, order="lost"))
        self.at(ago(9), lambda at: self._card(tofu, "changed", 1, at, order="closed-card"))
        self.at(ago(7), self._cancel_closed_card)
        for key, outcome in (("won", "won"), ("lost", "lost")):
            self.at(ago(13), lambda at, key=key: self.dispute(at, key))  # type: ignore[misc]
            self.at(ago(3), lambda at, key=key, outcome=outcome: self.decide(key, outcome))  # type: ignore[misc]

        # Terms of a sold-out fund, amended: two versions with their documents, holders who were told.
        self.at(ago(5), self._amend_seaweed)

    def _amend_seaweed(self, at: datetime) -> None:
        fund = Fund.objects.get(pk=self.plans["asanagi-seaweed"].fund.pk)
        terms = offerings.current_terms(fund)
        warmer = {
            "en": "The sea has become warmer: seedlings may be set out later, and the first harvest be smaller.",
            "ja": "海水温の上昇により、種苗の沖出しが遅れ、最初の収穫が減るおそれがあります。",
        }
        first = terms.plan_revenue[0] * 9 // 10
        offerings.amend_terms(
            fund,
            changes={"plan_revenue": [first, *terms.plan_revenue[1:]], "risks": [*terms.risks, warmer]},
            actor=self.staff["reviewer"],
            at=at,
            reason="The sea was two degrees warmer this autumn",
        )

    def _card(self, plan: Plan, key: str, units: int, at: datetime, *, order: str = "") -> None:
        """A named person's order by card; `order` names a further one of the same person."""
        self.by_card(plan, self.named[key], units, at, order or key)

    def _cancel_changed(self, at: datetime) -> None:
        order = self.orders["changed"]
        services.cancel_order(order, at=at, actor=order.investor.user)
        for made in Refund.objects.filter(order=order):
            refund.send(made.pk, at=at)

    def _cancel_closed_card(self, at: datetime) -> None:
        order = self.orders["closed-card"]
        services.cancel_order(order, at=at, actor=order.investor.user)
        self.sandbox.control("refund_policy", next="failed")
        for _asked in range(2):  # made, then asked about
            refund.send(Refund.objects.get(order=order).pk, at=at)

    def dispute(self, at: datetime, key: str = "disputed") -> None:
        """The payer of an order goes to their bank."""
        attempt = PaymentAttempt.objects.get(order=self.orders[key])
        self.sandbox.control("disputes/open", payment_intent=attempt.intent_id)

    def decide(self, key: str, outcome: str) -> None:
        """The bank decides: "won" or "lost"."""
        own = Dispute.objects.get(order=self.orders[key])
        self.sandbox.control("disputes/close", dispute=own.provider_id, outcome=outcome)

    def _pay_back_bakery(self, at: datetime) -> None:
        plan = self.plans["komugi-bakery"]
        waiting = Refund.objects.filter(order__fund=plan.fund, state=Refund.State.REQUESTED).order_by("pk")
        last = waiting.last()
        for number, made in enumerate(list(waiting)):
            investor = made.order.investor
            transfer = refund.pay_by_bank(
                made,
                payee={
                    "bank": "0001",
                    "branch": f"{number % 900 + 100}",
                    "type": "1",
                    "number": f"{1_000_000 + number}",
                    "holder": investor.name_kana,
                },
                actor=self.staff["maker"],
                at=at,
                reason="The fund did not reach its minimum",
            )
            if made == last:
                break
            outgoing.approve(transfer, actor=self.staff["checker"], at=at)
            outgoing.record_sent(
                transfer,
                transferred_on=clock.today_in(None, at),
                bank_reference=f"KOMUGI-{number + 1:03}",
                actor=self.staff["maker"],
                at=at,
            )


KENJI = {
    "homachi-sake",
    "kurosaki-shoyu",
    "asanagi-seaweed",
    "minatoya-fish",
    "nagisa-kamaboko",
    "shiosai-ryokan",
    "tsubaki-knit",
    "kaneshige-can",
    "mitsuiso-oysters",
}
# Units of named people that are sold before the day of the demo.
NAMED_UNITS = {
    "mitsuiso-oysters": 1 + 10 + 49 + 1 + 3 + 1 + 1 + 1,
    "namioto-ramen": 3 + 2 + 2,
    "isobe-boats": 2 + 5 + 1,
    "komugi-bakery": 2,
    "shiosai-ryokan": 1,
}
