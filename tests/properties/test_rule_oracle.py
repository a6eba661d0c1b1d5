"""The distribution rule against a second implementation, on random funds, with mutants as the negative control.

The oracle below is written from the text of domain.md section 5 alone, in fractions, and shares nothing with the rule:
it knows no closed form, no scaled rate, no standing. Both are given the same random funds and must agree on every
figure of every period, allocation and supplementary distribution. Then the rule's own source is spoilt in one place at
a time, and the same comparison has to notice each time; a comparison that notices nothing would prove nothing.

``TORTURE_FUNDS`` sets how many funds (10,000 when unset; ``make torture`` takes a million), ``TORTURE_SEED`` repeats a
run. The seed is printed, and a fund on which the two differ is printed as a case file.
"""

import json
import os
import random
import secrets
import types
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor
from pathlib import Path

import pytest

OFFERINGS = Path(__file__).resolve().parents[2] / "investments" / "offerings"
FUNDS = int(os.environ.get("TORTURE_FUNDS", "10000"))
SEED = int(os.environ.get("TORTURE_SEED") or secrets.randbits(32))

# --- The oracle: domain.md section 5, sentence by sentence ------------------------------------------------------------


def oracle(fund):
    terms = fund["terms"]
    units_offered, investment = terms["units_offered"], terms["investment"]
    r1, r2 = Fraction(terms["rate_before_recoup"]), Fraction(terms["rate_after_recoup"])
    withholding = Fraction(terms["withholding_rate"])
    recoup = Fraction(units_offered * investment) / r1
    history = []  # what every period was reported as, restatements applied: [period, action, revenue]
    paid = principal_paid = 0
    periods, totals = [], Counter()

    def counts(period, action, revenue):
        return period > terms["grace_periods"] and action in ("report", "defer") and revenue >= terms["revenue_floor"]

    def earned_per_unit():
        revenue = sum(row[2] for row in history if counts(*row))
        return floor((min(revenue, recoup) * r1 + max(0, revenue - recoup) * r2) / units_offered)

    def pay(period, action, own, per_unit, carried):
        nonlocal paid, principal_paid
        lines, principal_per_unit = [], min(per_unit, investment - principal_paid)
        for holding in fund["holdings"]:
            gross = per_unit * holding["units"]
            principal = principal_per_unit * holding["units"]
            tax = floor((gross - principal) * withholding)
            line = {"gross": gross, "principal": principal, "profit": gross - principal, "tax": tax, "net": gross - tax}
            totals.update(line)
            lines.append({"holder": holding["holder"], **line})
        paid += per_unit
        principal_paid += principal_per_unit
        periods.append((period, action, own, per_unit, paid, carried, lines))

    for report in fund["reports"]:
        period, action, revenue = report["period"], report["action"], report["revenue"]
        for restated, figure in report.get("restate", {}).items():
            history[int(restated) - 1][2] = figure
        history.append([period, action, revenue])
        own = revenue if counts(period, action, revenue) else 0
        due = max(0, earned_per_unit() - paid)
        if action == "wind_up":
            pay(period, action, own, report["residual_per_unit"], 0)
            continue
        per_unit = due
        if period < terms["periods"]:
            if action != "report":
                per_unit = 0
            elif terms["period_cap"] is not None and terms["period_cap"][period - 1] is not None:
                per_unit = min(due, terms["period_cap"][period - 1])
        pay(period, action, own, per_unit, due - per_unit)

    at_the_end = paid
    if fund["supplement"]:
        for restated, figure in fund["supplement"].items():
            history[int(restated) - 1][2] = figure
        due = max(0, earned_per_unit() - paid)
        pay(terms["periods"], "supplement", 0, due, 0)

    hundredths = floor(Fraction(at_the_end * 10_000, investment) + Fraction(1, 2))
    return {
        "recoup_revenue": -floor(-recoup),
        "periods": periods,
        "totals": dict(totals),
        "redemption_percent": f"{hundredths // 100}.{hundredths % 100:02d}",
    }


# --- The rule, seen through the same window ---------------------------------------------------------------------------


def by_the_rule(rule, fund, units_offered=None):
    """The same figures from the module ``rule`` (the real one, or a mutant of it)."""
    given = fund["terms"]
    terms = rule.RuleTerms(
        units_offered=units_offered or given["units_offered"],
        investment=given["investment"],
        rate_before_recoup=Decimal(given["rate_before_recoup"]),
        rate_after_recoup=Decimal(given["rate_after_recoup"]),
        periods=given["periods"],
        grace_periods=given["grace_periods"],
        period_cap=given["period_cap"],
        revenue_floor=given["revenue_floor"],
    )
    withholding = Decimal(given["withholding_rate"])
    reports = [
        rule.Report(
            period=report["period"],
            revenue=report["revenue"],
            action=report["action"],
            residual_per_unit=report.get("residual_per_unit"),
            restate={int(period): revenue for period, revenue in report.get("restate", {}).items()},
        )
        for report in fund["reports"]
    ]
    results = rule.run(terms, reports)
    at_the_end = results[-1].paid_per_unit
    if fund["supplement"]:
        standing = rule.Standing()
        for report in reports:
            standing, _result = rule.judge(terms, standing, report)
        restate = {int(period): revenue for period, revenue in fund["supplement"].items()}
        results.append(rule.supplement(terms, standing, restate)[1])
    periods, totals = [], Counter()
    for result in results:
        lines = []
        for holding in fund["holdings"]:
            allocation = rule.allocate_units(
                result.per_unit, holding["units"], result.principal_before, terms.investment, withholding
            )
            line = {key: getattr(allocation, key) for key in ("gross", "principal", "profit", "tax", "net")}
            totals.update(line)
            lines.append({"holder": holding["holder"], **line})
        figures = (result.counted_revenue, result.per_unit, result.paid_per_unit, result.carried_per_unit)
        periods.append((result.period, str(result.action), *figures, lines))
    return {
        "recoup_revenue": rule.recoup_revenue(terms),
        "periods": periods,
        "totals": dict(totals),
        "redemption_percent": rule.redemption_percent(at_the_end, terms.investment),
    }


# --- Random funds -----------------------------------------------------------------------------------------------------


def rate(scaled):
    return f"{scaled // 10_000}.{scaled % 10_000:04d}"


def random_fund(chance, seen):
    """One fund as a case file's input, and its supplement; ``seen`` counts what really happens in it."""
    big = chance.random() < 0.05
    units_offered = chance.choice([1, 2, 3, 7, 167, 3_000, chance.randint(1, 5_000)]) * (10**6 if big else 1)
    investment = chance.choice([1, 2, 99, 5_000, 20_000, chance.randint(1, 50_000)])
    r1 = chance.choice([1, 10_000, chance.randint(1, 10_000), chance.randint(1, 1_000)])
    r2 = chance.choice([0, r1, chance.randint(0, 10_000), chance.randint(0, r1)])
    periods = chance.randint(1, 12)
    recoup = -(-units_offered * investment * 10_000 // r1)
    typical = max(1, recoup * chance.choice([1, 2, 3, 5]) // (2 * periods))
    cap = None
    if chance.random() < 0.4:
        usual = max(1, investment // periods)
        cap = [chance.choice([None, 0, usual, chance.randint(0, 2 * usual)]) for _period in range(periods)]
    revenue_floor = chance.choice([0, 0, 1, typical, chance.randint(0, 2 * typical)])
    grace = min(periods, chance.choice([0, 0, 0, 1, 1, 2]))
    restatable, reports, total = [], [], 0

    def revenue():
        return chance.choice(
            [
                0,
                revenue_floor,
                max(0, revenue_floor - 1),
                typical,
                max(0, recoup - total),  # the last yen to the recoup, exactly
                *(chance.randint(0, 2 * typical) for _often in range(5)),
            ]
        )

    for period in range(1, periods + 1):
        last = period == periods
        weights = {"report": 70, "waive": 12, "wind_up": 3, "defer": 0 if last else 15}
        action = chance.choices([*weights], [*weights.values()])[0]
        report = {"period": period, "revenue": revenue(), "action": action}
        if action == "wind_up":
            report["residual_per_unit"] = chance.choice([0, chance.randint(0, 2 * investment)])
        if restatable and chance.random() < 0.2:
            chosen = chance.sample(restatable, chance.randint(1, min(2, len(restatable))))
            report["restate"] = {str(number): revenue() for number in sorted(chosen)}
            seen["restated"] += 1
        reports.append(report)
        total += report["revenue"] if action in ("report", "defer") and period > grace else 0
        if action in ("report", "defer") and period > grace:
            restatable.append(period)
        seen[action] += 1
        seen["waived_last"] += last and action == "waive"
        seen["below_floor"] += period > grace and 0 < report["revenue"] < revenue_floor
        seen["at_floor"] += period > grace and 0 < report["revenue"] == revenue_floor
        if action == "wind_up":
            break
    supplement = {}
    if reports[-1]["action"] != "wind_up" and restatable and chance.random() < 0.3:
        supplement = {str(chance.choice(restatable)): revenue()}
    holders = chance.randint(1, 4)
    most = max(1, min(49, units_offered // holders))
    units = [chance.randint(1, most) for _holder in range(holders)] if units_offered >= holders else [units_offered]
    return {
        "terms": {
            "currency": "JPY",
            "investment": investment,
            "donation": investment,
            "fee": 500,
            "units_offered": units_offered,
            "rate_before_recoup": rate(r1),
            "rate_after_recoup": rate(r2),
            "grace_periods": grace,
            "periods": periods,
            "period_cap": cap,
            "revenue_floor": revenue_floor,
            "withholding_rate": chance.choice(
                ["0.2042", "0.2042", "0.0000", "1.0000", rate(chance.randint(0, 10_000))]
            ),
        },
        "holdings": [{"holder": f"H{number:02d}", "units": held} for number, held in enumerate(units, start=1)],
        "reports": reports,
        "supplement": supplement,
    }


def look_back(fund, answer, seen):
    """Count what happened to the money, for a run in which it never happens proves nothing about it."""
    terms, paid = fund["terms"], 0
    for _period, action, _own, per_unit, paid_after, carried, lines in answer["periods"]:
        seen["carried_by_cap"] += action == "report" and carried > 0
        seen["crossed_recoup"] += paid < terms["investment"] < paid_after
        seen["taxed"] += any(line["tax"] for line in lines)
        seen["waited"] += action == "report" and per_unit == 0 and paid > 0
        seen["supplementary_paid"] += action == "supplement" and per_unit > 0
        seen["supplementary_of_nothing"] += action == "supplement" and per_unit == 0
        paid = paid_after


def as_case(fund):
    return json.dumps({"name": "differs", "why": "the rule and the oracle disagree", "input": fund, "expected": {}})


def test_the_rule_equals_the_oracle_on_random_funds(capsys):
    with capsys.disabled():
        print(f"\nrule oracle: TORTURE_SEED={SEED} TORTURE_FUNDS={FUNDS}")
    import investments.offerings.rule as rule

    chance, seen = random.Random(SEED), Counter()
    for number in range(FUNDS):
        fund = random_fund(chance, seen)
        answer = oracle(fund)
        assert by_the_rule(rule, fund) == answer, f"seed {SEED}, fund {number}: {as_case(fund)}"
        look_back(fund, answer, seen)
    with capsys.disabled():
        print("rule oracle: equal; " + ", ".join(f"{what} {times:,}" for what, times in sorted(seen.items())))
    least = FUNDS // 100
    rare = {what: seen[what] for what in HAPPENS if seen[what] < least}
    assert not rare, f"seed {SEED}: hardly ever happened: {rare}"


HAPPENS = (
    "report",
    "defer",
    "waive",
    "wind_up",
    "waived_last",
    "restated",
    "below_floor",
    "at_floor",
    "carried_by_cap",
    "crossed_recoup",
    "taxed",
    "waited",
    "supplementary_paid",
    "supplementary_of_nothing",
)

# --- Mutants: the negative control ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """One place of the rule's source, spoilt. ``old`` must stand there exactly once, or the mutant is stale."""

    old: str
    new: str
    file: str = "rule.py"


MUTANTS = {
    "fractions vanish: one floor per period": Mutant(
        "    due = _due(terms, total, standing.paid_per_unit)\n    if report.action",
        "    due = max(0, _floored_each_period(terms, figures) - standing.paid_per_unit)\n    if report.action",
    ),
    "cap not lifted in the last period": Mutant(
        "        pays = due  # the last period",
        "        cap = terms.period_cap and terms.period_cap[-1]\n"
        "        pays = due if cap is None else min(due, cap)  # the last period",
    ),
    "last period waived pays nothing": Mutant(
        "elif report.period == terms.periods:", "elif report.period == terms.periods and report.action != 'waive':"
    ),
    "claw-back after a downward restatement": Mutant(
        "    due = _due(terms, total, standing.paid_per_unit)\n    if report.action",
        "    due = entitlement(terms, total) - standing.paid_per_unit\n    if report.action",
    ),
    "claw-back by a supplement": Mutant(
        "    due = _due(terms, total, standing.paid_per_unit)\n    reason = Reason.PAID",
        "    due = entitlement(terms, total) - standing.paid_per_unit\n    reason = Reason.PAID",
    ),
    "defer not counted": Mutant("in (Action.REPORT, Action.DEFER):", "in (Action.REPORT,):"),
    "waive counted": Mutant("in (Action.REPORT, Action.DEFER):", "in (Action.REPORT, Action.DEFER, Action.WAIVE):"),
    "deferred is paid at once": Mutant(
        "elif report.action in (Action.DEFER, Action.WAIVE):", "elif report.action in (Action.WAIVE,):"
    ),
    "grace a period too short": Mutant(
        "if report.period > terms.grace_periods and", "if report.period >= terms.grace_periods and"
    ),
    "floor must be exceeded": Mutant("if revenue >= terms.revenue_floor)", "if revenue > terms.revenue_floor)"),
    "floor ignored": Mutant("if revenue >= terms.revenue_floor)", "if revenue >= 0)"),
    "restatement ignored": Mutant("figures = {**standing.figures, **report.restate}", "figures = {**standing.figures}"),
    "restatement comes a period late": Mutant(
        "    total = counted(terms, figures)\n    due = _due(terms, total, standing.paid_per_unit)\n"
        "    if report.action",
        "    total = counted(terms, {**figures, **{n: standing.figures[n] for n in report.restate}})\n"
        "    due = _due(terms, total, standing.paid_per_unit)\n    if report.action",
    ),
    "wind-up adds what was carried": Mutant(
        "pays = report.residual_per_unit or 0", "pays = (report.residual_per_unit or 0) + due"
    ),
    "wind-up under the cap": Mutant(
        "pays = report.residual_per_unit or 0",
        "cap = terms.cap_of(report.period)\n"
        "        pays = report.residual_per_unit or 0\n        pays = pays if cap is None else min(pays, cap)",
    ),
    "excess over the cap is lost": Mutant(
        "    paid = standing.paid_per_unit + pays\n",
        "    paid = standing.paid_per_unit + pays\n    paid = max(entitled if action == 'report' else 0, paid)\n",
    ),
    "second rate on everything": Mutant(
        "return terms.investment + beyond * terms.scaled_after // (RATE_SCALE * before * units)",
        "return revenue * terms.scaled_after // (RATE_SCALE * units)",
    ),
    "first rate for ever": Mutant("    if beyond <= 0:", "    if True:"),
    "recoup revenue rounded down": Mutant(
        "return -(-terms.principal_total * RATE_SCALE // terms.scaled_before)",
        "return terms.principal_total * RATE_SCALE // terms.scaled_before",
    ),
    "principal forgets what was returned": Mutant(
        'principal_per_unit = min(whole("per_unit", per_unit), investment - principal_before)',
        "principal_per_unit = min(per_unit, investment)",
        file="allocation.py",
    ),
    "tax on the principal too": Mutant(
        "tax = floor_rate(profit, withholding_rate)", "tax = floor_rate(gross, withholding_rate)", file="allocation.py"
    ),
    "tax floored per unit": Mutant(
        "tax = floor_rate(profit, withholding_rate)",
        "tax = floor_rate(profit // units, withholding_rate) * units",
        file="allocation.py",
    ),
    "tax rounded up": Mutant(
        "tax = floor_rate(profit, withholding_rate)",
        "tax = -(-profit * int(withholding_rate * 10000) // 10000)",
        file="allocation.py",
    ),
    "redemption rounded down": Mutant(
        "(2 * paid_per_unit * RATE_SCALE + investment) // (2 * investment)",
        "paid_per_unit * RATE_SCALE // investment",
        file="allocation.py",
    ),
}

#: A floor for every period instead of one on the sum, for the mutant that lets fractions vanish.
FLOORED_EACH_PERIOD = """

def _floored_each_period(terms, figures):
    from fractions import Fraction
    from math import floor

    def exact(revenue):
        recoup = Fraction(terms.principal_total * RATE_SCALE, terms.scaled_before)
        before, after = Fraction(terms.scaled_before, RATE_SCALE), Fraction(terms.scaled_after, RATE_SCALE)
        return (min(revenue, recoup) * before + max(0, revenue - recoup) * after) / terms.units_offered

    earned = revenue = 0
    for figure in figures.values():
        if figure >= terms.revenue_floor:
            earned += floor(exact(revenue + figure) - exact(revenue))
            revenue += figure
    return earned
"""


def load(mutant=None):
    """The rule from its source, spoilt by ``mutant`` in one place; a module of its own, so that nothing leaks."""
    modules = {}
    for file in ("allocation.py", "rule.py"):
        source = (OFFERINGS / file).read_text(encoding="utf-8")
        if mutant is not None and mutant.file == file:
            assert source.count(mutant.old) == 1, f"stale mutant: {mutant.old!r} does not stand once in {file}"
            source = source.replace(mutant.old, mutant.new) + FLOORED_EACH_PERIOD
        module = modules[file] = types.ModuleType(f"mutant_{file[:-3]}")
        exec(compile(source, file, "exec"), module.__dict__)  # noqa: S102 - our own source
    rule = modules["rule.py"]
    rule.allocate_units = modules["allocation.py"].allocate_units
    rule.redemption_percent = modules["allocation.py"].redemption_percent
    return rule


def funds_until_noticed(rule, funds, **spoilt):
    """How many random funds it takes until the rule and the oracle differ; ``None`` if they never do."""
    chance = random.Random(SEED)
    for number in range(1, funds + 1):
        fund = random_fund(chance, Counter())
        units_offered = sum(held["units"] for held in fund["holdings"]) if spoilt else None
        try:
            same = by_the_rule(rule, fund, units_offered) == oracle(fund)
        except rule.RuleError:
            return number  # a mutant may reach what the rule itself refuses, such as a negative payment
        if not same:
            return number
    return None


def test_the_unspoilt_source_passes_the_same_comparison():
    # Loaded as the mutants are: were the loading at fault, every mutant would look caught.
    assert funds_until_noticed(load(), 500) is None


@pytest.mark.parametrize("name", MUTANTS)
def test_a_spoilt_rule_is_noticed(name):
    assert funds_until_noticed(load(MUTANTS[name]), 10_000) is not None, f"seed {SEED}: {name} went unnoticed"


def test_units_sold_instead_of_offered_is_noticed():
    assert funds_until_noticed(load(), 10_000, sold=True) is not None
