#!/usr/bin/env python3
"""Check the proof file of a fund offline: python3 verify.py PROOF.json [OLDER.json ...]

Plain Python 3.9 or newer, nothing to install, nothing is sent anywhere. It checks that the chain of records is whole,
recomputes what every period paid per unit from the terms and the reported revenue by the rule of the contract, and, if
older copies of the file are given, that nothing in them was changed since. Exit code 0: all is as it says; 1: not.
"""

import hashlib
import json
import sys
from fractions import Fraction
from pathlib import Path


def earned(terms, revenue):
    """What `revenue` counted so far earns per unit: one floor, at the end."""
    units, before = terms["units_offered"], Fraction(terms["rate_before_recoup"])
    recoup, after = terms["investment"] * units / before, Fraction(terms["rate_after_recoup"])
    return (min(revenue, recoup) * before + max(0, revenue - recoup) * after) // units


def pays(record, terms, reports, relief, paid):
    """What a distribution has to pay per unit, and the revenue counted so far."""
    figures = {}
    for (period, restated), report in sorted(reports.items()):
        if restated or not terms["grace_periods"] < period <= record["period"]:
            continue
        if "waive" not in (report["action"], relief.get(period)):
            figures[period] = reports.get((period, True), report)["revenue"]
    counted = sum(revenue for revenue in figures.values() if revenue >= terms["revenue_floor"])
    due = max(0, earned(terms, counted) - paid)
    if record["action"] == "wind_up":
        return record["per_unit"], counted  # what was left is stated by the staff, not earned
    last = record["period"] == terms["periods"]
    if record["action"] in ("defer", "waive") and not last:
        return 0, counted
    cap = None if last or not terms["period_cap"] else terms["period_cap"][record["period"] - 1]
    return (due if cap is None else min(due, cap)), counted


def check(proof):
    """Every fault of one proof file, as text."""
    before, terms, reports, relief, paid, decided = "0" * 64, {}, {}, {}, 0, {}
    for number, record in enumerate(proof["records"], start=1):
        body = {name: value for name, value in record.items() if name != "hash"}
        text = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        key = record.get("period"), record.get("supplement")
        if record["number"] != number or record["previous"] != before:
            yield f"record {number}: does not follow the one before it"
        if hashlib.sha256(text).hexdigest() != record["hash"]:
            yield f"record {number}: was changed"
        before = record["hash"]
        if record["kind"] == "terms":
            terms[record["version"]] = record
        elif record["kind"] == "report":
            reports[record["period"], record["restatement"]] = record
        elif record["kind"] == "moratorium":
            relief.update(dict.fromkeys(record["periods"], record["action"]))
        elif record["kind"] == "write_off":
            decided[key] = decided.get(key, 0) - record["per_unit"]
            if record["per_unit"] <= 0 or decided[key] < 0:
                yield f"record {number}: writes off more than was decided"
            print(f"period {record['period']}: {record['per_unit']} per unit of it written off: {record['reason']}")
        else:
            amount, counted = pays(record, terms[record["terms_version"]], reports, relief, paid)
            name = f"period {record['period']}" + (" (supplement)" if record["supplement"] else "")
            if (record["per_unit"], record["cumulative_revenue"]) != (amount, counted):
                says = f"{record['per_unit']} per unit for {record['cumulative_revenue']}"
                yield f"{name}: says {says}, must be {amount} for {counted}"
            if record["paid_before"] != paid or record["gross"] != record["per_unit"] * record["units"]:
                yield f"{name}: its sums do not agree"
            paid += record["per_unit"]
            decided[key] = record["per_unit"]
            print(f"{name}: {record['per_unit']} per unit; sales counted so far {counted}; decided so far {paid}")


def main(names):
    """Check the first file, and the others as older copies of it."""
    if not names:
        sys.exit(__doc__)
    name = names[0]
    try:
        newest = json.loads(Path(name).read_text(encoding="utf-8"))
        faults = list(check(newest))
        for name in names[1:]:
            older = json.loads(Path(name).read_text(encoding="utf-8"))
            if older["fund"] != newest["fund"] or newest["records"][: len(older["records"])] != older["records"]:
                faults.append(f"{name}: is not an older copy of {names[0]}: something was changed since")
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        sys.exit(f"{name}: is no proof file that can be read ({type(error).__name__}: {error})")
    print(*(f"FAULT {fault}" for fault in faults), sep="\n", end="\n" if faults else "")
    last = newest["records"][-1]["hash"] if newest["records"] else "none"
    print(f"{newest['fund']}: {len(newest['records'])} records, {len(faults)} faults; last hash {last}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main(sys.argv[1:])
