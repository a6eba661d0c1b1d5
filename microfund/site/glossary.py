"""The words of the house, explained once; terms tables link to them by their anchor (domain.md section 1)."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _


class Word(NamedTuple):
    """An entry of the glossary; `anchor` is a stable part of addresses."""

    anchor: str
    term: Any
    meaning: Any


WORDS = (
    Word("disaster", _("Disaster"), _("The event a fund answers: an earthquake, a storm surge, a flood.")),
    Word(
        "business",
        _("Business"),
        _("The small firm that is being rebuilt. It receives the money and owes the reports."),
    ),
    Word(
        "fund",
        _("Fund"),
        _("One offering of one business: its terms, its units, and a term of usually ten yearly periods."),
    ),
    Word(
        "unit",
        _("Unit"),
        _("The smallest purchase: a donation half and an investment half, plus the fee. You buy whole units."),
    ),
    Word("donation", _("Donation"), _("The half of a unit that is given to the business and never repaid.")),
    Word(
        "investment",
        _("Investment"),
        _(
            "The half of a unit that is repaid out of the business's sales, if there are sales. "
            "Less than the whole of it, or nothing, may come back."
        ),
    ),
    Word("fee", _("Fee"), _("What the operator takes for its work, once, on each unit. Consumption tax is inside.")),
    Word("order", _("Order"), _("Your application for units, from the reservation until it is confirmed or ended.")),
    Word("holding", _("Holding"), _("Your confirmed units in a fund.")),
    Word(
        "cooling-off",
        _("Cooling-off"),
        _(
            "The first days after your order or after its documents are available, whichever is later. "
            "Until their end you can cancel without a reason and get everything back, the fee included."
        ),
    ),
    Word(
        "units-offered",
        _("Units offered"),
        _(
            "All units of a fund. Repayment per unit is counted on units offered, not on units sold: "
            "a half-sold fund pays the same per unit, and the business pays half."
        ),
    ),
    Word(
        "minimum",
        _("Units needed"),
        _("If fewer units than this are left at the end, the fund fails and everyone is refunded in full."),
    ),
    Word(
        "revenue",
        _("Revenue"),
        _("Sales without consumption tax on the fund's revenue basis: the whole firm, or the lines that are named."),
    ),
    Word("period", _("Period"), _("One accounting period of a fund, normally twelve months.")),
    Word(
        "grace",
        _("Grace periods"),
        _("Periods at the beginning whose revenue does not count: nothing is repaid for them."),
    ),
    Word(
        "rate",
        _("Repayment rate"),
        _("The share of revenue that is repaid: one rate until the investment is back, a lower one after that."),
    ),
    Word(
        "recoup",
        _("Recoup"),
        _("The revenue, summed up over the term, at which the investment is fully returned."),
    ),
    Word(
        "cap",
        _("Cap"),
        _("The most that a period pays per unit. What is above it is carried to later periods; the last one pays it."),
    ),
    Word("floor", _("Revenue floor"), _("A period with less revenue than this does not count at all.")),
    Word(
        "distribution", _("Distribution"), _("What a period pays per unit. It may be nothing; then the reason is told.")
    ),
    Word(
        "redemption",
        _("Redemption ratio"),
        _("What has been paid so far, as a share of the investment. 100% means that the investment is back."),
    ),
    Word(
        "record-date", _("Record date"), _("The last day of a period. Who holds units on it receives its distribution.")
    ),
    Word(
        "withholding",
        _("Withholding tax"),
        _("Tax taken from the profit part of a payment before it is sent. The returned investment is not taxed."),
    ),
    Word("reward", _("Reward"), _("A thing or a visit the business promises to holders, apart from money.")),
    Word(
        "operator",
        _("Operator"),
        _("The fund house that runs this site and keeps the books and the money of the funds."),
    ),
)
