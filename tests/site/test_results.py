"""The public results of a fund, its files, and the proof that anybody can recompute."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils.formats import date_format

from investments.distributions import services
from investments.distributions.proof import BEGINNING, canonical, proof
from investments.models import Fund
from investments.revenue import reports
from tests import make, repay

pytestmark = pytest.mark.django_db

SCRIPT = Path(settings.BASE_DIR) / "docs" / "verify.py"


@pytest.fixture
def fund() -> Fund:
    return repay.operating(40, 45, periods=4)


def test_before_the_term_the_page_says_what_comes_when() -> None:
    fund = make.make_fund(periods=4)
    html = page(fund).content.decode()
    coming = html[html.index('id="coming"') : html.index("</main>")]
    assert coming.count("<tr") == 5 and 'id="check"' not in html
    assert date_format(fund.term_starts_on) in coming
    Fund.objects.filter(pk=fund.pk).update(state=Fund.State.FAILED)
    html = page(fund).content.decode()
    assert "Everyone was refunded in full" in html and "The term begins" not in html and 'id="coming"' not in html


def page(fund: Fund, name: str = "results") -> Any:
    response = Client().get(reverse(f"businesses:{name}", args=[fund.business.slug]))
    assert response.status_code == 200
    return response


def run_script(*files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-I", str(SCRIPT), *map(str, files)], capture_output=True, text=True)


def saved(fund: Fund, folder: Path, name: str = "proof.json") -> Path:
    file = folder / name
    file.write_bytes(page(fund, "proof").content)
    return file


def test_before_the_first_report_the_dates_stand_there(fund: Fund) -> None:
    text = page(fund).content.decode()
    assert text.count('role="row"') == 5
    assert "0 / 4" in text


def test_a_period_stands_with_sales_plan_payment_and_reason(fund: Fund) -> None:
    repay.whole_period(fund, 1, 27_900_000)
    text = page(fund).content.decode()
    for words in ("¥27,900,000", "¥312", "6.24%", "The boats came late.", "none paid before"):
        assert words in text
    repay.report(fund, 1, 30_000_000, restatement=True, at=repay.after(repay.period(fund, 1), 90))
    text = page(fund).content.decode()
    assert "¥30,000,000" in text and "first reported: ¥27,900,000" in text


def test_a_late_report_and_a_late_payment_are_told(fund: Fund) -> None:
    repay.report(fund, 1, 27_900_000)
    repay.distribute(fund, 1)
    reports.await_report(repay.period(fund, 2).pk, at=repay.after(repay.period(fund, 2), 1))
    text = page(fund).content.decode()
    assert "¥0 of ¥26,520 have arrived so far" in text
    assert "has not come yet" in text


def test_the_files_say_what_the_page_says(fund: Fund) -> None:
    repay.whole_period(fund, 1, 27_900_000)
    rows = list(csv.DictReader(io.StringIO(page(fund, "results_csv").content.decode())))
    assert len(rows) == 4
    assert (rows[0]["Sales (yen)"], rows[0]["Per unit (yen)"], rows[1]["Sales (yen)"]) == ("27900000", "312", "")
    data = json.loads(page(fund, "results_json").content)
    assert data["paid_per_unit"] == 312
    assert data["periods"][0]["distributions"][0]["reason"] == "paid"
    assert data["periods"][1]["revenue"] is None


def whole_story(fund: Fund) -> None:
    """A deferral, a restatement, a waiver, and the last period."""
    repay.whole_period(fund, 1, 27_900_000, action="defer")
    repay.whole_period(fund, 2, 20_000_000)
    repay.report(fund, 1, 12_000_000, restatement=True, at=repay.after(repay.period(fund, 2), 40))
    repay.whole_period(fund, 3, 15_000_000, action="waive")
    repay.whole_period(fund, 4, 31_000_000)
    repay.report(fund, 2, 33_000_000, restatement=True, at=repay.after(repay.period(fund, 4), 40))
    at = repay.after(repay.period(fund, 4), 41)
    made = services.prepare_supplement(fund, actor=repay.staff("maker"), at=at)
    services.approve(made, actor=repay.staff("checker"), at=at)


def test_the_script_recomputes_every_payment_offline(fund: Fund, tmp_path: Path) -> None:
    repay.whole_period(fund, 1, 27_900_000, action="defer")
    early = saved(fund, tmp_path, "early.json")
    repay.whole_period(fund, 2, 20_000_000)
    result = run_script(saved(fund, tmp_path), early)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "period 2: 536 per unit" in result.stdout


def test_the_script_follows_restatements_waivers_and_supplements(fund: Fund, tmp_path: Path) -> None:
    whole_story(fund)
    result = run_script(saved(fund, tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "(supplement)" in result.stdout
    assert "0 faults" in result.stdout


def test_the_script_follows_caps_floors_grace_recoup_and_a_wind_up(tmp_path: Path) -> None:
    fund = repay.operating(
        40,
        periods=6,
        grace_periods=1,
        units_offered=300,
        rate_before_recoup=Decimal("0.5"),
        rate_after_recoup=Decimal("0.25"),
        revenue_floor=100_000,
        period_cap=[None, 3_000, 3_000, None, None, None],
    )
    for number, revenue in enumerate((500_000, 2_400_000, 90_000, 1_900_000), start=1):
        repay.whole_period(fund, number, revenue)
    at = repay.after(repay.period(fund, 4), 100)
    made = services.prepare_wind_up(fund, residual_per_unit=77, actor=repay.staff("maker"), at=at, reason="The end.")
    services.approve(made, actor=repay.staff("checker"), at=at)
    result = run_script(saved(fund, tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "period 5: 77 per unit" in result.stdout


@pytest.mark.parametrize("what", ["per_unit", "revenue", "rate", "order", "gross"])
def test_whatever_is_changed_the_script_finds_it(fund: Fund, tmp_path: Path, what: str) -> None:
    whole_story(fund)
    original = saved(fund, tmp_path, "original.json")
    data = json.loads(original.read_text())
    rows = data["records"]
    kinds = [row["kind"] for row in rows]
    if what == "order":
        rows[2], rows[3] = rows[3], rows[2]
    elif what == "rate":
        rows[0]["rate_before_recoup"] = "0.0400"
    else:
        at = kinds.index("report" if what == "revenue" else "distribution") if what != "per_unit" else 4
        at = next(n for n, row in enumerate(rows) if row.get(what)) if what != "revenue" else at
        rows[at][what] += 1
    forged = tmp_path / "forged.json"
    # The forger computes the chain again, so only the rule and the older copy can tell.
    forged.write_text(json.dumps(rechained(data)))
    alone, beside = run_script(forged), run_script(forged, original)
    assert beside.returncode == 1 and "not an older copy" in beside.stdout
    if what in ("per_unit", "revenue", "rate", "gross"):
        assert alone.returncode == 1, alone.stdout


def rechained(data: dict[str, Any]) -> dict[str, Any]:
    before, rows = BEGINNING, []
    for number, row in enumerate(data["records"], start=1):
        row = {**row, "number": number, "previous": before}
        before = hashlib.sha256(canonical(row)).hexdigest()
        rows.append(row | {"hash": before})
    return data | {"records": rows}


def test_a_broken_chain_and_a_file_of_another_kind_are_refused(fund: Fund, tmp_path: Path) -> None:
    repay.whole_period(fund, 1, 27_900_000)
    data = json.loads(saved(fund, tmp_path).read_text())
    data["records"][1]["revenue"] += 1
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(data))
    assert "record 2: was changed" in run_script(broken).stdout
    other = tmp_path / "other.json"
    other.write_text("[1]")
    result = run_script(other)
    assert result.returncode == 1 and "is no proof file" in result.stderr
    assert run_script(tmp_path / "missing.json").returncode == 1


def test_the_script_is_served_as_it_stands_and_is_short() -> None:
    response = Client().get(reverse("verify_script"))
    assert response.content == SCRIPT.read_bytes()
    assert len(SCRIPT.read_text().splitlines()) < 100


def test_an_older_file_is_the_beginning_of_a_newer_one(fund: Fund) -> None:
    repay.whole_period(fund, 1, 27_900_000)
    first = proof(fund)["records"]
    repay.whole_period(fund, 2, 20_000_000)
    assert proof(fund)["records"][: len(first)] == first


def test_a_wind_up_is_told_with_what_was_left_and_dates_that_will_not_come_are_left_out(fund: Fund) -> None:
    at = repay.after(repay.period(fund, 1), 60)
    made = services.prepare_wind_up(fund, residual_per_unit=77, actor=repay.staff("maker"), at=at, reason="The end.")
    services.approve(made, actor=repay.staff("checker"), at=at)
    page = Client().get(f"/businesses/{fund.business.slug}/results/").content.decode()
    assert "what was left came to ¥77 per unit" in page
    never = repay.period(fund, 3).payment_due_on
    assert date_format(never, "DATE_FORMAT") not in page
    assert date_format(repay.period(fund, 1).payment_due_on, "DATE_FORMAT") in page


def test_a_draft_business_shows_no_results() -> None:
    business = make.make_business(state="draft")
    assert Client().get(reverse("businesses:results", args=[business.slug])).status_code == 404
