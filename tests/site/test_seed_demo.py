"""The demo's world is built by the services themselves, so its books must hold, today and after the next months."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
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
from microfund.site.seed import world
from rewards.models import Voucher
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
