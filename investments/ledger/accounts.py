"""The chart of accounts (domain.md section 7). A normal side of D is an asset or expense, C a liability or income."""

from __future__ import annotations

FUND_CHART: dict[str, str] = {
    "psp_clearing": "D",
    "bank": "D",
    "due_from_operator": "D",
    "receivable_from_business": "D",
    "applicant_deposits": "C",
    "donation_payable": "C",
    "investment_payable": "C",
    "due_to_operator": "C",
    "refunds_payable": "C",
    "distributions_payable": "C",
    "withholding_accrued": "C",
    "withholding_payable": "C",
    "unclaimed_distributions": "C",
    "compensations_payable": "C",
    "business_credit": "C",
}

OPERATOR_CHART: dict[str, str] = {
    "trust_bank": "D",
    "bank": "D",
    "due_from_fund": "D",
    "psp_fees": "D",
    "disputed_receivable": "D",
    "dispute_loss": "D",
    "unallocated_receipts": "C",
    "due_to_fund": "C",
    "fee_income": "C",
    "output_tax": "C",
}

CHARTS = {"fund": FUND_CHART, "operator": OPERATOR_CHART}
OPERATOR = "operator"
