"""A moratorium over many funds: two people, a step for each fund, the rule that pays, the end (domain.md section 5)."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import IntegrityError, transaction

from investments.distributions import explain, moratorium, services
from investments.distributions.outlook import Effect, outlook
from investments.distributions.proof import proof
from investments.distributions.queries import preview
from investments.models import Fund, Moratorium, MoratoriumFund, Period
from investments.revenue import reports
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.models import Event
from tests import make, repay
from tests.repay import books_are_right
from tests.site.test_results import SCRIPT

pytestmark = pytest.mark.django_db
AT = make.at_noon(date(2020, 9, 1))
YEAR = 27_900_000
ONE, TWO = 312, 624


def terms_on(fund: Fund, *numbers: int) -> dict[str, date]:
    """The range of dates in which these periods end."""
    ends = [repay.period(fund, number).ends_on for number in numbers]
    return {"from_on": min(ends), "until_on": max(ends)}


def prepare(*funds: Fund, numbers: tuple[int, ...], action: str = "defer", **values: Any) -> Moratorium:
    return moratorium.prepare(
        funds, title="Storm of May", reason="The harbour is gone.", action=action, actor=repay.staff("maker"), at=AT,
        **terms_on(funds[0], *numbers), **values,
    )  # fmt: skip


def declare(*funds: Fund, numbers: tuple[int, ...], action: str = "defer") -> Moratorium:
    row = prepare(*funds, numbers=numbers, action=action)
    moratorium.approve(row, actor=repay.staff("checker"), at=AT)
    assert moratorium.steps_due(on=AT.date(), at=AT)["errors"] == 0
    row.refresh_from_db()
    return row


def end(row: Moratorium, at: Any, reason: str) -> None:
    moratorium.prepare_end(row, actor=repay.staff("maker"), at=at, reason=reason)
    moratorium.end(row, actor=repay.staff("checker"), at=at)


def pays(fund: Fund, number: int, revenue: int = YEAR, **values: Any) -> int:
    repay.report(fund, number, revenue, **values)
    return repay.distribute(fund, number).per_unit


def relief(fund: Fund) -> list[str]:
    return list(fund.periods.order_by("number").values_list("relief", flat=True))


def test_payments_are_put_off_whatever_the_reports_ask_for_and_nothing_is_lost() -> None:
    fund = repay.operating(40, periods=5)
    declare(fund, numbers=(1, 2))
    assert relief(fund) == ["defer", "defer", "", "", ""]
    assert [pays(fund, number) for number in (1, 2, 3)] == [0, 0, 3 * YEAR * 336 // 10_000 // 3_000]
    assert repay.period(fund, 1).state == Period.State.PAID
    own = fund.distributions.get(period__number=2)
    assert (own.action, own.reason, own.carried_per_unit) == ("defer", "deferred", 624)
    assert "Storm of May" in " ".join(explain.sentences(own))
    books_are_right()


def test_waived_periods_are_not_counted_and_cannot_be_restated() -> None:
    fund = repay.operating(40, periods=5)
    declare(fund, numbers=(1, 2), action="waive")
    assert [pays(fund, number) for number in (1, 2, 3)] == [0, 0, ONE]
    assert fund.distributions.get(period__number=3).figures == {"3": YEAR}
    with pytest.raises(DomainError) as refused:
        repay.report(fund, 1, 2 * YEAR, restatement=True, at=repay.after(repay.period(fund, 3), 20))
    assert refused.value.code == "not_restatable"
    books_are_right()


def test_a_waiver_that_the_owner_was_granted_stays_under_a_deferral() -> None:
    fund = repay.operating(40, periods=5)
    declare(fund, numbers=(1,))
    assert [pays(fund, 1, action="waive"), pays(fund, 2)] == [0, ONE]
    books_are_right()


def test_the_last_period_is_never_put_off_but_may_be_waived() -> None:
    fund = repay.operating(40, periods=2)
    row = declare(fund, numbers=(1, 2))
    assert relief(fund) == ["defer", ""]
    assert outlook(fund, action="defer", from_on=row.from_on, until_on=row.until_on).skipped == {
        1: "covered",
        2: "last",
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        Period.objects.filter(fund=fund, number=2).update(relief="waive", moratorium=row)
    other = repay.operating(40, periods=2)
    declare(other, numbers=(1, 2), action="waive")
    assert relief(other) == ["waive", "waive"]
    assert [pays(other, 1), pays(other, 2)] == [0, 0]


def test_the_preview_says_what_is_not_paid_what_is_paid_later_and_what_never() -> None:
    plan = [YEAR] * 4
    fund = repay.operating(40, periods=4, plan_revenue=plan)
    wanted = terms_on(fund, 1, 2)
    assert outlook(fund, action="defer", **wanted).plan == Effect(TWO, TWO, 0, 4 * YEAR * 336 // 10_000 // 3_000)
    found = outlook(fund, action="waive", **wanted)
    assert (found.plan, found.periods, found.holders, found.units) == (Effect(TWO, 0, TWO + 1, TWO), [1, 2], 1, 40)
    assert found.reported is None
    own = repay.period(fund, 1)
    reports.await_report(own.pk, at=repay.after(own))
    repay.report(fund, 1, 2 * YEAR)
    found = outlook(fund, action="waive", **wanted)
    assert found.reported == Effect(937, 0, 938, TWO) and found.plan == Effect(TWO, 0, TWO + 1, TWO)
    assert relief(fund) == ["", "", "", ""]


def test_what_was_calculated_under_other_rules_is_refused_at_its_approval() -> None:
    fund = repay.operating(40, periods=5)
    repay.report(fund, 1, YEAR)
    at = repay.after(repay.period(fund, 1))
    made = services.prepare(repay.period(fund, 1), actor=repay.staff("maker"), at=at)
    declare(fund, numbers=(1,))
    with pytest.raises(DomainError) as refused:
        services.approve(made, actor=repay.staff("checker"), at=at)
    assert refused.value.code == "stale"
    services.discard(made, actor=repay.staff("checker"), at=at, reason="A moratorium.")
    assert repay.distribute(fund, 1, at=at).per_unit == 0
    # What is decided stays decided, whatever comes later.
    with pytest.raises(IntegrityError), transaction.atomic():
        Period.objects.filter(fund=fund, number=1).update(relief="", moratorium=None)


def test_it_ends_early_for_what_is_not_decided_yet() -> None:
    fund = repay.operating(40, periods=5)
    row = declare(fund, numbers=(1, 2, 3))
    assert pays(fund, 1) == 0
    end(row, AT, "The harbour is open again.")
    for _time in range(2):
        moratorium.steps_due(on=AT.date(), at=AT)
    assert relief(fund) == ["defer", "", "", "", ""]
    assert preview(repay.period(fund, 2), revenue=YEAR).per_unit == 2 * YEAR * 336 // 10_000 // 3_000
    assert Event.objects.filter(kind__endswith="MoratoriumEnded").count() == 1
    books_are_right()


def test_an_error_in_one_fund_stops_no_other_and_everybody_is_told_once_all_had_their_step() -> None:
    funds = [repay.operating(4, periods=5) for _number in range(3)]
    row = prepare(*funds, numbers=(1,))
    moratorium.approve(row, actor=repay.staff("checker"), at=AT)
    whole = moratorium.covered

    def failing(fund: Fund, **values: Any) -> Any:
        if fund.pk == funds[1].pk:
            raise RuntimeError("the disk is full")
        return whole(fund, **values)

    with mock.patch.object(moratorium, "covered", failing):
        assert moratorium.steps_due(on=AT.date(), at=AT) == {"steps": 2, "told": 0, "errors": 1}
    assert [relief(fund)[0] for fund in funds] == ["defer", "", "defer"]
    assert MoratoriumFund.objects.get(fund=funds[1]).error == "RuntimeError: the disk is full"
    assert not Event.objects.filter(kind__endswith="MoratoriumDeclared").exists()
    assert moratorium.steps_due(on=AT.date(), at=AT) == {"steps": 1, "told": 1, "errors": 0}
    assert moratorium.steps_due(on=AT.date(), at=AT) == {"steps": 0, "told": 0, "errors": 0}
    assert [relief(fund)[0] for fund in funds] == ["defer", "defer", "defer"]
    assert Event.objects.filter(kind__endswith="MoratoriumDeclared").count() == 1
    assert AuditRow.objects.filter(action="investments.MoratoriumFund.applied").count() == 3


def test_a_fund_whose_step_fails_is_left_out_so_that_the_others_are_told() -> None:
    funds = [repay.operating(4, periods=5) for _number in range(2)]
    row = prepare(*funds, numbers=(1,))
    moratorium.approve(row, actor=repay.staff("checker"), at=AT)
    part = row.funds.get(fund=funds[0])
    moratorium.leave_out(part, actor=repay.staff("checker"), at=AT, reason="It fails.")
    assert moratorium.steps_due(on=AT.date(), at=AT) == {"steps": 1, "told": 1, "errors": 0}
    assert [relief(fund)[0] for fund in funds] == ["", "defer"]
    books_are_right()


def test_two_people_decide_neither_service_nor_sql_lets_one_do_it() -> None:
    fund = repay.operating(4, periods=5)
    row = prepare(fund, numbers=(1,))
    with pytest.raises(DomainError) as refused:
        moratorium.approve(row, actor=repay.staff("maker"), at=AT)
    assert refused.value.code == "same_person"
    with pytest.raises(IntegrityError), transaction.atomic():
        Moratorium.objects.filter(pk=row.pk).update(state="approved", checker=repay.staff("maker"), approved_at=AT)
    with pytest.raises(IntegrityError), transaction.atomic():
        Period.objects.filter(fund=fund, number=1).update(relief="defer", moratorium=row)
    moratorium.approve(row, actor=repay.staff("checker"), at=AT)
    for change in ({"reason": "Another."}, {"action": "waive"}, {"until_on": date(2040, 1, 1)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Moratorium.objects.filter(pk=row.pk).update(**change)
    other = repay.operating(4, periods=5)
    with pytest.raises(IntegrityError), transaction.atomic():
        MoratoriumFund.objects.create(moratorium=row, fund=other)


def test_its_early_end_takes_two_people_as_well_and_nothing_changes_before() -> None:
    fund = repay.operating(4, periods=5)
    row = declare(fund, numbers=(1,))
    maker, checker = repay.staff("maker"), repay.staff("checker")

    def refused(act: Any) -> str:
        with pytest.raises(DomainError) as found:
            act()
        return found.value.code

    assert refused(lambda: moratorium.end(row, actor=checker, at=AT)) == "wrong_state"
    assert refused(lambda: moratorium.prepare_end(row, actor=maker, at=AT, reason=" ")) == "reason_needed"
    moratorium.prepare_end(row, actor=maker, at=AT, reason="Open again.")
    assert refused(lambda: moratorium.prepare_end(row, actor=checker, at=AT, reason="Once more.")) == "under_way"
    assert refused(lambda: moratorium.end(row, actor=maker, at=AT)) == "same_person"
    with pytest.raises(IntegrityError), transaction.atomic():
        Moratorium.objects.filter(pk=row.pk).update(state="ended", ended_by=maker, ended_at=AT)
    moratorium.steps_due(on=AT.date(), at=AT)
    assert relief(fund)[0] == "defer"
    moratorium.withdraw_end(row, actor=checker, at=AT, reason="Not yet.")
    assert refused(lambda: moratorium.end(row, actor=checker, at=AT)) == "wrong_state"
    with pytest.raises(IntegrityError), transaction.atomic():
        Moratorium.objects.filter(pk=row.pk).update(state="ended", ended_by=checker, ended_at=AT)
    moratorium.prepare_end(row, actor=maker, at=AT, reason="Open again.")
    moratorium.end(row, actor=checker, at=AT)
    moratorium.steps_due(on=AT.date(), at=AT)
    assert relief(fund)[0] == ""
    assert refused(lambda: moratorium.prepare_end(row, actor=maker, at=AT, reason="Again.")) == "wrong_state"


def test_what_cannot_be_declared_is_refused() -> None:
    fund = repay.operating(4, periods=2)
    for change, code in (
        ({"reason": " "}, "reason_needed"),
        ({"from_on": date(2090, 1, 1), "until_on": date(2080, 1, 1)}, "dates"),
        ({"from_on": date(2080, 1, 1), "until_on": date(2090, 1, 1)}, "nothing"),
        (terms_on(fund, 2), "nothing"),
    ):
        values = {"title": "Storm", "reason": "Gone.", "action": "defer", **terms_on(fund, 1), **change}
        with pytest.raises(DomainError) as refused:
            moratorium.prepare([fund], actor=repay.staff(), at=AT, **values)
        assert refused.value.code == code
    assert not Moratorium.objects.exists()


def test_funds_are_chosen_by_disaster_town_and_business() -> None:
    here, there = repay.operating(4), repay.operating(4)
    slugs = [here.business.slug]
    assert list(moratorium.chosen(businesses=slugs)) == [here]
    assert set(moratorium.chosen(disaster=here.business.disaster)) >= {here}
    assert there not in moratorium.chosen(disaster=here.business.disaster, businesses=slugs)
    assert list(moratorium.chosen(businesses=slugs, but=[here.slug])) == []
    assert here in moratorium.chosen(town=here.business.town_en[:4])
    assert not moratorium.chosen(town="Nowhere").exists()


@pytest.mark.parametrize("action", ["defer", "waive"])
def test_the_proof_says_so_and_the_script_recomputes_it(action: str, tmp_path: Any) -> None:
    fund = repay.operating(40, periods=5)
    row = declare(fund, numbers=(1, 2, 3), action=action)
    for number in (1, 2):
        pays(fund, number)
    at = repay.after(repay.period(fund, 2), 40)
    older = tmp_path / "older.json"
    older.write_text(json.dumps(proof(fund)))
    end(row, at, "Open again.")
    moratorium.steps_due(on=at.date(), at=at + timedelta(minutes=1))
    pays(fund, 3)
    newest = tmp_path / "newest.json"
    newest.write_text(json.dumps(proof(fund)))
    answer = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(newest), str(older)], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout
    kinds = [record["kind"] for record in proof(fund)["records"]]
    assert kinds.count("moratorium") == 2
    # Without the moratorium's record the same file does not add up.
    broken = [record for record in proof(fund)["records"] if record["kind"] != "moratorium"]
    assert any(record["kind"] == "distribution" and record["per_unit"] == 0 for record in broken)
