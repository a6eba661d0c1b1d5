"""The demo's world is built by the services themselves, so its books must hold, today and after the next months."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import F

from investments.models import (
    Dispute,
    ElectedLine,
    ElectedReturn,
    Fund,
    MoratoriumFund,
    Order,
    OutgoingTransfer,
    PayoutRun,
    Period,
    Refund,
    Release,
    StatementLine,
    WriteOff,
)
from microfund.kernel import clock
from microfund.kernel.states import tables
from microfund.site.seed import settled, world
from rewards.models import DigitalFile, Letter, Offer, Parcel, Voucher
from tests.sandbox_client import SandboxProcess

STATES = {
    "matured": "matured",
    "raising": "open",
    "funded": "closed",
    "closed_unfunded": "failed",
    "wound_up": "wound_up",
}


def run(name: str, *args: str) -> str:
    out = StringIO()
    call_command(name, *args, stdout=out)
    return out.getvalue()


def states_of_rewards_that_nobody_reached() -> list[str]:
    """By every state table of the app, and what a parcel, a voucher, a letter and a file can be besides."""
    own = [table for table in tables().values() if table.label.startswith("rewards.")]
    assert len(own) == 5, "entitlements, cycles, compensations, visits, bookings"
    missing = []
    for table in own:
        model = apps.get_model(table.label)
        reached = set(model.objects.values_list(table.field, flat=True))
        missing += [f"{table.label}: {state}" for state in set(model.State.values) - reached]
    problems = set(Parcel.objects.values_list("problem", flat=True)) | set(
        Parcel.objects.values_list("complaint", flat=True)
    )
    missing += [f"a parcel that {problem}" for problem in set(Parcel.Problem.values) - problems]
    missing += [f"a letter: {moment}" for moment in set(Letter.Moment.values) - set(
        Letter.objects.values_list("moment", flat=True)
    )]  # fmt: skip
    reward, in_kind = Voucher.objects.filter(line=None), Voucher.objects.filter(line__isnull=False)
    cases = {
        "a voucher that nobody used": reward.filter(balance=F("value"), entitlement__state="delivered"),
        "a voucher used in part": reward.filter(balance__gt=0, balance__lt=F("value")),
        "a voucher that is used up": reward.filter(balance=0),
        "a voucher that was withdrawn": reward.filter(entitlement__state="withdrawn"),
        "a voucher in kind that ended with a rest": in_kind.filter(line__came_back__amount__gt=0),
        "a voucher in kind that is used up": in_kind.filter(balance=0, ended_at__isnull=False),
        "a letter that is not sent": Letter.objects.filter(published_at=None),
        "a letter with a drawing": Letter.objects.exclude(digest=""),
        "a file that was removed": DigitalFile.objects.filter(removed_at__isnull=False),
        "a reward that its business proposes": Offer.objects.filter(waiting=True),
        "a parcel for a school": Parcel.objects.filter(donee__isnull=False),
        "a present with a card": Parcel.objects.filter(gift=True),
        "a parcel whose address is erased": Parcel.objects.filter(erased_at__isnull=False),
    }
    return sorted([*missing, *(name for name, rows in cases.items() if not rows.exists())])


@pytest.mark.django_db(transaction=True)
def test_the_demo_is_what_its_data_says_and_its_books_hold_now_and_later(sandbox: SandboxProcess) -> None:
    today = clock.today_in()
    assert f"Demo data as of {today} built" in run("seed_demo")
    funds = {fund.slug: fund for fund in Fund.objects.select_related("counter")}
    assert len(funds) == 13
    for item in world.read()["businesses"]:
        fund, said = funds[item["slug"]], item["fund"]
        assert fund.state == STATES.get(said["state"], "operating"), item["slug"]
        sold = 0 if said["state"] == "closed_unfunded" else said["units_sold"]
        sold -= settled.TAKEN_BACK.get(item["slug"], 0)
        assert fund.counter.sold == sold, item["slug"]
        assert Period.objects.filter(fund=fund).count() == (
            said["periods"] if fund.state in ("operating", "matured", "wound_up") else 0
        )
    reached = set(Order.objects.values_list("state", flat=True))
    # `reserved` lasts minutes: whoever walks through the demo reaches it.
    assert reached == set(Order.State.values) - {"reserved"}
    assert set(Refund.objects.values_list("state", flat=True)) == {"succeeded", "failed", "paid_by_bank", "requested"}
    assert set(Dispute.objects.values_list("state", flat=True)) == {"open", "won", "lost"}
    assert set(OutgoingTransfer.objects.values_list("state", flat=True)) == {"sent", "prepared"}
    # At each desk of repayment something waits.
    assert set(Period.objects.values_list("state", flat=True)) == {
        "scheduled",
        "reported",
        "calculated",
        "approved",
        "funded",
        "paid",
        "wound_up",
    }
    # A second disaster, arrears that were given up, and the money that every business in its term was sent.
    assert list(MoratoriumFund.objects.values_list("state", flat=True)) == ["applied"] * 3
    assert list(WriteOff.objects.values_list("state", "distribution__fund__slug")) == [("approved", "nagisa-kamaboko")]
    assert (
        Release.objects.filter(released_on__isnull=False).count()
        == 2 * Fund.objects.filter(state__in=["operating", "matured", "wound_up"]).count()
    )
    assert set(PayoutRun.objects.values_list("state", flat=True)) == {"done", "prepared"}
    # Somebody is paid in kind, somebody gives back; a voucher was used in part, and what was left of one was paid.
    assert set(ElectedLine.objects.values_list("choice", flat=True)) == {"in_kind", "give_back"}
    assert Voucher.objects.filter(line__isnull=False, balance__gt=0, balance__lt=F("value")).exists()
    assert ElectedReturn.objects.filter(amount__gt=0, payout__state="paid").exists()
    assert not states_of_rewards_that_nobody_reached()
    waiting = StatementLine.objects.filter(remaining__gt=0).values_list("problem", flat=True)
    assert sorted(waiting) == ["over", "short", "unknown"]
    assert "no difference" in run("verify_ledger")

    assert "there already" in run("seed_demo")
    later = today + timedelta(days=25)
    run("run_schedule", "--date", today.isoformat(), "--until", later.isoformat())
    assert Fund.objects.get(slug="namioto-ramen").state == "closed"
    assert json.loads(run("verify_ledger", "--json"))["differences"] == 0


@pytest.mark.django_db
def test_demo_data_is_refused_outside_the_demo_and_in_the_future(settings: Any) -> None:
    with pytest.raises(CommandError, match="--as-of"):
        run("seed_demo", "--as-of", (clock.today_in() + timedelta(days=1)).isoformat())
    settings.DEMO_MODE = False
    with pytest.raises(CommandError, match="only for the demo"):
        run("seed_demo")
