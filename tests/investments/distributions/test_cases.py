"""Every acceptance case driven through real rows: reports, restatements, distributions, the business's payments, runs,
journal and bank file (tests/cases/README.md)."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from investments.distributions import services
from investments.distributions.models import Allocation, Distribution
from investments.ledger.post import balance
from investments.models import Fund
from investments.payouts import services as payouts
from investments.payouts.models import PayoutAttempt
from tests import make, repay
from tests.repay import books_are_right

pytestmark = pytest.mark.django_db
CASES = sorted((Path(__file__).resolve().parents[2] / "cases" / "distribution").glob("*.json"))
_SKIPPED = {"currency", "withholding_rate", "rate_before_recoup", "rate_after_recoup"}


def fund_of(case: dict[str, Any]) -> tuple[Fund, dict[int, str]]:
    """The case's fund in its term, and the holder's name by holding."""
    terms, at = case["terms"], make.at_noon(repay.BOUGHT_ON)
    owners = [repay.holder(at=at) for _row in case["holdings"]]
    fund = repay.operating(
        *(row["units"] for row in case["holdings"]),
        investors=owners,
        rate_before_recoup=Decimal(terms["rate_before_recoup"]),
        rate_after_recoup=Decimal(terms["rate_after_recoup"]),
        **{name: value for name, value in terms.items() if name not in _SKIPPED},
    )
    names = [row["holder"] for row in case["holdings"]]
    return fund, {fund.holdings.get(investor=owner).pk: name for owner, name in zip(owners, names, strict=True)}


def play(fund: Fund, report: dict[str, Any]) -> Distribution:
    """One report of the case and what it pays, to the arrival of the money."""
    number, own = report["period"], repay.period(fund, report["period"])
    at = repay.after(own)
    for earlier, revenue in report.get("restate", {}).items():
        repay.report(fund, int(earlier), revenue, restatement=True, at=at)
    if report["action"] == "wind_up":
        made = services.prepare_wind_up(
            fund, residual_per_unit=report["residual_per_unit"], actor=repay.staff(), at=at, reason="They retire."
        )
        made = services.approve(made, actor=repay.staff("checker"), at=at)
    else:
        repay.report(fund, number, report["revenue"], action=report["action"], at=at)
        made = repay.distribute(fund, number)
    if made.gross:
        repay.pay_in(made)
        december = max(at + timedelta(days=30), make.at_noon(own.ends_on.replace(month=12, day=2)))
        run = repay.send_run(at=december)
        content = payouts.download(run, 0, actor=repay.staff(), at=december, reason="For the bank.")
        sent = content.split(b"\r\n")
        assert [int(line[80:90]) for line in sent if line[:1] == b"2"] == list(
            PayoutAttempt.objects.filter(run=run).order_by("pk").values_list("amount", flat=True)
        )
        repay.settle(run)
    made.refresh_from_db()
    return made


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_comes_out_of_real_rows_as_expected(path: Path) -> None:
    document = json.loads(path.read_text())
    case, expected = document["input"], document["expected"]
    fund, names = fund_of(case)
    for report, wanted in zip(case["reports"], expected["periods"], strict=True):
        made = play(fund, report)
        got = {
            "period": made.period.number,
            "action": made.action,
            "counted_revenue": made.counted_revenue,
            "per_unit": made.per_unit,
            "paid_per_unit": made.paid_before + made.per_unit,
            "carried_per_unit": made.carried_per_unit,
            "allocations": [
                {
                    "holder": names[line.holding_id],
                    **{name: getattr(line, name) for name in ("gross", "principal", "profit", "tax", "net")},
                }
                for line in Allocation.objects.filter(distribution=made).order_by("holding_id")
            ],
        }
        assert got == wanted
    totals = expected["totals"]
    assert sum(PayoutAttempt.objects.values_list("amount", flat=True)) == totals["net"]
    assert balance(fund.book_id, "withholding_payable") == totals["tax"]
    assert balance(fund.book_id, "distributions_payable") == balance(fund.book_id, "receivable_from_business") == 0
    books_are_right()
