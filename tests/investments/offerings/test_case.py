"""Case files and ``simulate_fund``: every acceptance case equal, every bad one refused with its path alone."""

import copy
import json
import os
import subprocess
import sys
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest
from django.core.management import call_command

from investments.management.commands.simulate_fund import Command
from investments.offerings.case import MAX_BYTES, CaseError, outcome, read_case, read_case_file

ROOT = Path(__file__).resolve().parents[3]
CASES = sorted((ROOT / "tests" / "cases" / "distribution").glob("*.json"))
GOOD = json.loads((ROOT / "tests" / "cases" / "distribution" / "floor_restated.json").read_text())


def simulate(path):
    """Exit code, standard output and standard error of the command, run in this process."""
    out, err = StringIO(), StringIO()
    try:
        call_command(Command(), str(path), stdout=out, stderr=err)
    except SystemExit as stop:
        return stop.code, out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_acceptance_case_comes_to_exactly_what_it_expects(path):
    code, out, err = simulate(path)
    assert (code, err) == (0, "")
    # Compared as text, so that the order of keys and the kind of every number count.
    assert json.dumps(json.loads(out)) == json.dumps(json.loads(path.read_text())["expected"])


def test_the_acceptance_cases_are_all_there():
    assert len(CASES) == 9


def test_the_command_line_needs_no_database(tmp_path):
    # Nothing listens on port 1: a command that connected would fail.
    environment = {**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
    call = [sys.executable, "manage.py", "simulate_fund"]

    def at_the_shell(argument, **given):
        return subprocess.run([*call, argument], cwd=ROOT, env=environment, capture_output=True, check=False, **given)

    good = at_the_shell(str(CASES[0]))
    assert (good.returncode, good.stderr) == (0, b"")
    assert json.loads(good.stdout) == json.loads(CASES[0].read_text())["expected"]

    piped = at_the_shell("-", input=CASES[0].read_bytes())
    assert (piped.returncode, piped.stdout) == (0, good.stdout)

    bad = tmp_path / "bad.json"
    bad.write_text(CASES[0].read_text().replace('"revenue": 12000000', '"revenue": 12000000.5'))
    refused = at_the_shell(str(bad))
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert refused.stderr == b"input.reports[3].revenue: must be a whole number\n"


# --- Bad input --------------------------------------------------------------------------------------------------------


def setting(*keys):
    """A change that puts its last argument at the path of the others."""
    *path, last, value = keys

    def change(case):
        for key in path:
            case = case[key]
        case[last] = value

    return change


def without(*keys):
    *path, last = keys

    def change(case):
        for key in path:
            case = case[key]
        del case[last]

    return change


def term(key, value):
    return setting("input", "terms", key, value)


def report(index, key, value):
    return setting("input", "reports", index, key, value)


def wound_up_then_more(case):
    case["input"]["reports"][3] = {"period": 4, "revenue": 0, "action": "wind_up", "residual_per_unit": 1}


def one_report_too_many(case):
    case["input"]["reports"].append({"period": 7, "revenue": 0, "action": "report"})


def waived_then_restated(case):
    case["input"]["reports"][1]["action"] = "waive"


def over_the_offer(case):
    case["input"]["holdings"].append({"holder": "H03", "units": 2997})


def one_holder_twice(case):
    case["input"]["holdings"].append({"holder": "H01", "units": 1})


REPORT_3 = "input.reports[3]"
BAD = {
    # the top
    "extra key at the top": (setting("notes", "x"), "notes: is not a known key"),
    "no name": (without("name"), "name: is missing"),
    "no why": (without("why"), "why: is missing"),
    "no input": (without("input"), "input: is missing"),
    "no expected": (without("expected"), "expected: is missing"),
    "name is a number": (setting("name", 5), "name: must be text"),
    "why is blank": (setting("why", " "), "why: must be text"),
    "input is a list": (setting("input", []), "input: must be an object"),
    "unknown key in input": (setting("input", "note", 1), "input.note: is not a known key"),
    "no terms": (without("input", "terms"), "input.terms: is missing"),
    "no reports": (without("input", "reports"), "input.reports: is missing"),
    "an odd key": (setting("input", "a\nb", 1), 'input["a\\nb"]: is not a known key'),
    "a key in another script": (setting("input", "売上", 1), 'input["\\u58f2\\u4e0a"]: is not a known key'),
    # terms
    "terms are null": (setting("input", "terms", None), "input.terms: must be an object"),
    "unknown term": (term("rate", "0.1"), "input.terms.rate: is not a known key"),
    "missing term": (without("input", "terms", "fee"), "input.terms.fee: is missing"),
    "unknown currency": (term("currency", "YEN"), "input.terms.currency: is not a known currency"),
    "currency is a number": (term("currency", 392), "input.terms.currency: must be text"),
    "negative investment": (term("investment", -5000), "input.terms.investment: must be at least 1"),
    "no investment at all": (term("investment", 0), "input.terms.investment: must be at least 1"),
    "investment as text": (term("investment", "5000"), "input.terms.investment: must be a whole number"),
    "negative donation": (term("donation", -1), "input.terms.donation: must not be negative"),
    "fee as a float": (term("fee", 500.0), "input.terms.fee: must be a whole number"),
    "fee is true": (term("fee", True), "input.terms.fee: must be a whole number"),
    "no units": (term("units_offered", 0), "input.terms.units_offered: must be at least 1"),
    "beyond the database": (term("units_offered", 2**63), "input.terms.units_offered: is out of range"),
    "no periods": (term("periods", 0), "input.terms.periods: must be at least 1"),
    "negative grace": (term("grace_periods", -1), "input.terms.grace_periods: must not be negative"),
    "grace past the term": (
        term("grace_periods", 7),
        "input.terms.grace_periods: must not exceed the number of periods",
    ),
    "negative floor": (term("revenue_floor", -1), "input.terms.revenue_floor: must not be negative"),
    "floor is null": (term("revenue_floor", None), "input.terms.revenue_floor: must be a whole number"),
    "r1 of zero": (term("rate_before_recoup", "0"), "input.terms.rate_before_recoup: must be above 0"),
    "r1 of 0.0000": (term("rate_before_recoup", "0.0000"), "input.terms.rate_before_recoup: must be above 0"),
    "r1 above one": (term("rate_before_recoup", "1.0001"), "input.terms.rate_before_recoup: must be from 0 to 1"),
    "r2 below zero": (term("rate_after_recoup", "-0.0001"), "input.terms.rate_after_recoup: must be from 0 to 1"),
    "five decimals": (
        term("rate_after_recoup", "0.00840"),
        "input.terms.rate_after_recoup: must have at most 4 decimals",
    ),
    "a rate as a number": (
        term("rate_after_recoup", 0.0084),
        'input.terms.rate_after_recoup: must be a rate written as text, like "0.0336"',
    ),
    "a rate as an integer": (
        term("rate_before_recoup", 1),
        'input.terms.rate_before_recoup: must be a rate written as text, like "0.0336"',
    ),
    "a rate in per cent": (
        term("withholding_rate", "20.42%"),
        'input.terms.withholding_rate: must be a decimal rate, like "0.0336"',
    ),
    "a rate with an exponent": (
        term("withholding_rate", "2e-1"),
        'input.terms.withholding_rate: must be a decimal rate, like "0.0336"',
    ),
    "a rate that is NaN": (
        term("withholding_rate", "NaN"),
        'input.terms.withholding_rate: must be a decimal rate, like "0.0336"',
    ),
    "a rate in full-width digits": (
        term("withholding_rate", "０.２"),
        'input.terms.withholding_rate: must be a decimal rate, like "0.0336"',
    ),
    "a rate with a line end": (
        term("withholding_rate", "0.2\n"),
        'input.terms.withholding_rate: must be a decimal rate, like "0.0336"',
    ),
    "withholding above one": (term("withholding_rate", "2"), "input.terms.withholding_rate: must be from 0 to 1"),
    "cap as a number": (term("period_cap", 500), "input.terms.period_cap: must be null or a list"),
    "cap too short": (term("period_cap", [1] * 5), "input.terms.period_cap: must list 6 values, one a period"),
    "cap too long": (term("period_cap", [1] * 7), "input.terms.period_cap: must list 6 values, one a period"),
    "cap empty": (term("period_cap", []), "input.terms.period_cap: must list 6 values, one a period"),
    "negative cap": (term("period_cap", [1, 1, -1, 1, 1, 1]), "input.terms.period_cap[2]: must not be negative"),
    "a cap as text": (
        term("period_cap", [1, 1, 1, 1, 1, "1"]),
        "input.terms.period_cap[5]: must be a whole number",
    ),
    # holdings
    "holdings by name": (setting("input", "holdings", {"H01": 1}), "input.holdings: must be a list"),
    "a holding is a number": (setting("input", "holdings", 0, 5), "input.holdings[0]: must be an object"),
    "a holder without name": (
        setting("input", "holdings", 1, "holder", ""),
        "input.holdings[1].holder: must be text",
    ),
    "a holder with a line end": (
        setting("input", "holdings", 1, "holder", "a\nb"),
        "input.holdings[1].holder: must not hold control characters",
    ),
    "half a surrogate": (
        setting("input", "holdings", 1, "holder", "\ud83d"),
        "input.holdings[1].holder: must not hold control characters",
    ),
    "no units held": (setting("input", "holdings", 1, "units", 0), "input.holdings[1].units: must be at least 1"),
    "negative units": (setting("input", "holdings", 1, "units", -3), "input.holdings[1].units: must be at least 1"),
    "half a unit": (setting("input", "holdings", 1, "units", 0.5), "input.holdings[1].units: must be a whole number"),
    "no units named": (without("input", "holdings", 1, "units"), "input.holdings[1].units: is missing"),
    "unknown key of a holding": (
        setting("input", "holdings", 1, "since", 1),
        "input.holdings[1].since: is not a known key",
    ),
    "one holder twice": (one_holder_twice, "input.holdings[2].holder: is named twice"),
    "more than was offered": (over_the_offer, "input.holdings[2].units: more units are held than were offered"),
    # reports
    "reports by period": (setting("input", "reports", {}), "input.reports: must be a list"),
    "a report is null": (setting("input", "reports", 3, None), f"{REPORT_3}: must be an object"),
    "unknown action": (report(3, "action", "skip"), f"{REPORT_3}.action: must be report, defer, waive or wind_up"),
    "action in capitals": (
        report(3, "action", "Report"),
        f"{REPORT_3}.action: must be report, defer, waive or wind_up",
    ),
    "action is a list": (
        report(3, "action", ["report"]),
        f"{REPORT_3}.action: must be report, defer, waive or wind_up",
    ),
    "the rule's own action": (
        report(3, "action", "supplement"),
        f"{REPORT_3}.action: must be report, defer, waive or wind_up",
    ),
    "no action": (without("input", "reports", 3, "action"), f"{REPORT_3}.action: is missing"),
    "no revenue": (without("input", "reports", 3, "revenue"), f"{REPORT_3}.revenue: is missing"),
    "negative revenue": (report(3, "revenue", -1), f"{REPORT_3}.revenue: must not be negative"),
    "revenue with a fraction": (report(3, "revenue", 0.5), f"{REPORT_3}.revenue: must be a whole number"),
    "revenue with a zero fraction": (report(3, "revenue", 5.0), f"{REPORT_3}.revenue: must be a whole number"),
    "revenue with an exponent": (report(3, "revenue", 1e20), f"{REPORT_3}.revenue: must be a whole number"),
    "revenue is false": (report(3, "revenue", False), f"{REPORT_3}.revenue: must be a whole number"),
    "revenue is null": (report(3, "revenue", None), f"{REPORT_3}.revenue: must be a whole number"),
    "revenue as text": (report(3, "revenue", "5"), f"{REPORT_3}.revenue: must be a whole number"),
    "revenue is NaN": (report(3, "revenue", float("nan")), f"{REPORT_3}.revenue: NaN is not JSON"),
    "revenue is infinite": (report(3, "revenue", float("-inf")), f"{REPORT_3}.revenue: -Infinity is not JSON"),
    "revenue beyond the database": (report(3, "revenue", 2**63), f"{REPORT_3}.revenue: is out of range"),
    "revenue of a thousand digits": (report(3, "revenue", 10**999), f"{REPORT_3}.revenue: is out of range"),
    "unknown key of a report": (report(3, "memo", "x"), f"{REPORT_3}.memo: is not a known key"),
    "a residual without a wind-up": (
        report(3, "residual_per_unit", 1),
        f"{REPORT_3}.residual_per_unit: is not a known key",
    ),
    "a wind-up without residual": (report(3, "action", "wind_up"), f"{REPORT_3}.residual_per_unit: is missing"),
    "a period skipped": (report(3, "period", 5), f"{REPORT_3}.period: is out of order: 4 comes next"),
    "a period twice": (report(3, "period", 3), f"{REPORT_3}.period: is out of order: 4 comes next"),
    "a period of zero": (report(0, "period", 0), "input.reports[0].period: must be at least 1"),
    "past the term": (one_report_too_many, "input.reports[6].period: is past the term of 6 periods"),
    "the last period deferred": (
        report(5, "action", "defer"),
        "input.reports[5].action: the last period cannot be deferred",
    ),
    "anything after a wind-up": (wound_up_then_more, "input.reports[4]: nothing may follow a wind-up"),
    # restatements
    "restate as a list": (report(3, "restate", [2]), f"{REPORT_3}.restate: must be an object of periods and revenues"),
    "restate as null": (report(3, "restate", None), f"{REPORT_3}.restate: must be an object of periods and revenues"),
    "restate a word": (report(3, "restate", {"two": 1}), f"{REPORT_3}.restate.two: must name a period by its number"),
    "restate 02": (report(3, "restate", {"02": 1}), f"{REPORT_3}.restate.02: must name a period by its number"),
    "restate to a negative": (report(3, "restate", {"2": -1}), f"{REPORT_3}.restate.2: must not be negative"),
    "restate to a fraction": (report(3, "restate", {"2": 1.5}), f"{REPORT_3}.restate.2: must be a whole number"),
}
NOT_RESTATABLE = {
    "a period in grace": (report(3, "restate", {"1": 1}), f"{REPORT_3}.restate.1"),
    "the period itself": (report(3, "restate", {"4": 1}), f"{REPORT_3}.restate.4"),
    "a later period": (report(3, "restate", {"5": 1}), f"{REPORT_3}.restate.5"),
    "a period past the term": (report(3, "restate", {"99": 1}), f"{REPORT_3}.restate.99"),
    "a waived period": (waived_then_restated, f"{REPORT_3}.restate.2"),
}
RAW = {
    "empty file": (b"", "case: is not JSON: expecting value (line 1, column 1)"),
    "not JSON": (b"name: x", "case: is not JSON: expecting value (line 1, column 1)"),
    "cut in the middle": (json.dumps(GOOD).encode()[:300], "case: is not JSON: "),
    "two documents": (json.dumps(GOOD).encode() * 2, "case: is not JSON: extra data"),
    "trailing comma": (b'{"name": "x",}', "case: is not JSON: "),
    "single quotes": (b"{'name': 'x'}", "case: is not JSON: "),
    "byte order mark": (b"\xef\xbb\xbf{}", "case: is not JSON: unexpected UTF-8 BOM"),
    "UTF-16": (json.dumps(GOOD).encode("utf-16"), "case: is not UTF-8 text (byte 0)"),
    "Shift-JIS": ('{"name": "震災"}'.encode("shift_jis"), "case: is not UTF-8 text"),
    "a list": (b"[]", "case: must be an object"),
    "a string": (b'"case"', "case: must be an object"),
    "null": (b"null", "case: must be an object"),
    "NaN alone": (b"NaN", "case: NaN is not JSON"),
    "deep lists": (b"[" * 200_000, "case: is nested too deeply"),
    "deep objects": (b'{"a":' * 200_000, "case: is nested too deeply"),
    "deep where nothing is read": (
        b'{"expected": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "case: is nested too deeply",
    ),
    "more digits than Python reads": (
        json.dumps(GOOD).replace('"fee": 500', f'"fee": {"9" * 5_000}').encode(),
        "input.terms.fee: is out of range",
    ),
    "a key twice at the top": (b'{"name": "a", "name": "b"}', "name: appears twice"),
    "NaN where nothing is read": (
        json.dumps({**GOOD, "expected": {"periods": [1, float("nan")]}}).encode(),
        "expected.periods[1]: NaN is not JSON",
    ),
    "a term twice": (
        json.dumps(GOOD).replace('"fee": 500,', '"fee": 500, "fee": 600,').encode(),
        "input.terms.fee: appears twice",
    ),
    "a restated period twice": (
        json.dumps(GOOD).replace('{"2": 12000000}', '{"2": 12000000, "2": 13000000}').encode(),
        "input.reports[3].restate.2: appears twice",
    ),
    "too large": (b" " * (MAX_BYTES + 1), "case: is larger than 16 MiB"),
}


def changed(change):
    case = copy.deepcopy(GOOD)
    change(case)
    return json.dumps(case).encode()


def refusal(tmp_path, content):
    """The one line of refusal; checks on the way that it is one, with exit 2 and nothing on standard output."""
    path = tmp_path / "case.json"
    path.write_bytes(content)
    code, out, err = simulate(path)
    assert (code, out) == (2, "")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert err.isascii()
    return err[:-1]


def test_the_case_that_is_spoilt_below_is_good_before():
    assert outcome(read_case(json.dumps(GOOD).encode())) == GOOD["expected"]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_case_is_refused_with_the_path_of_the_field(name, tmp_path):
    change, line = BAD[name]
    assert refusal(tmp_path, changed(change)) == line


@pytest.mark.parametrize("name", NOT_RESTATABLE)
def test_what_cannot_be_restated_is_refused_with_its_path(name, tmp_path):
    change, path = NOT_RESTATABLE[name]
    line = refusal(tmp_path, changed(change))
    assert line.startswith(f"{path}: ")
    assert "cannot be restated" in line


@pytest.mark.parametrize("name", RAW)
def test_what_is_no_case_at_all_is_refused_in_one_line(name, tmp_path):
    content, start = RAW[name]
    assert refusal(tmp_path, content).startswith(start)


@pytest.mark.parametrize("name", ["missing.json", "a\nb.json", "x" * 5_000])
def test_a_file_that_is_not_there_is_one_line(name, tmp_path):
    code, out, err = simulate(tmp_path / name)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith('case: "')
    assert " cannot be read: " in err


def test_a_folder_is_not_a_case(tmp_path):
    code, out, err = simulate(tmp_path)
    assert (code, out) == (2, "")
    assert err.endswith("cannot be read: Is a directory\n")


def test_a_name_that_no_file_can_have_is_one_line():
    with pytest.raises(CaseError, match="not a file name"):
        read_case_file("a\0b")


def test_a_file_that_may_not_be_read_is_one_line(tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    code, out, err = simulate(tmp_path / "case.json")
    assert (code, out) == (2, "")
    assert err.endswith("cannot be read: Permission denied\n")


def test_a_dash_reads_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(json.dumps(GOOD).encode())))
    code, out, _err = simulate("-")
    assert code == 0
    assert json.loads(out) == GOOD["expected"]


def test_a_closed_standard_input_is_one_line(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert simulate("-") == (2, "", "case: standard input is closed\n")


# --- What is allowed --------------------------------------------------------------------------------------------------


def test_the_language_of_the_site_does_not_change_the_tool(settings, tmp_path):
    settings.LANGUAGE_CODE = "ja"
    assert refusal(tmp_path, changed(BAD["the last period deferred"][0])) == BAD["the last period deferred"][1]


def test_the_expected_answer_is_not_read():
    for expected in ({}, None, {"recoup_revenue": 1}):
        assert outcome(read_case(json.dumps({**GOOD, "expected": expected}).encode())) == GOOD["expected"]


def test_a_case_may_stop_before_the_term_does_and_may_have_no_holders():
    case = copy.deepcopy(GOOD)
    case["input"]["reports"] = []
    result = outcome(read_case(json.dumps(case).encode()))
    assert (result["periods"], result["redemption_percent"]) == ([], "0.00")
    case = copy.deepcopy(GOOD)
    case["input"]["holdings"] = []
    result = outcome(read_case(json.dumps(case).encode()))
    assert [period["per_unit"] for period in result["periods"]] == [0, 0, 112, 470, 224, 336]
    assert result["totals"] == {"gross": 0, "principal": 0, "profit": 0, "tax": 0, "net": 0}


def test_a_japanese_name_is_kept(tmp_path):
    path = tmp_path / "case.json"
    case = copy.deepcopy(GOOD)
    case["input"]["holdings"][0]["holder"] = "佐藤　花子"
    path.write_text(json.dumps(case, ensure_ascii=False), encoding="utf-8")
    _code, out, _err = simulate(path)
    assert json.loads(out)["periods"][0]["allocations"][0]["holder"] == "佐藤　花子"


def test_the_largest_amounts_are_computed_exactly():
    case = copy.deepcopy(GOOD)
    case["input"]["reports"] = [
        {"period": 1, "revenue": 0, "action": "report"},
        {"period": 2, "revenue": 2**63 - 1, "action": "report"},
    ]
    case["input"]["terms"]["rate_after_recoup"] = case["input"]["terms"]["rate_before_recoup"] = "1"
    result = outcome(read_case(json.dumps(case).encode()))
    assert result["periods"][1]["per_unit"] == (2**63 - 1) // 3000
