"""Payouts that the bank sent back: recorded one by one, from the bank's list, or by the deposit that they came with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from investments.models import BankReturn, PayoutAttempt, StatementLine
from investments.payouts import outcome, returns_csv
from microfund.kernel.accounts.roles import FINANCE_MAKER
from microfund.kernel.acts import Act, RemarkForm
from microfund.kernel.admin import ReadOnlyAdmin


class ReturnForm(RemarkForm):
    """A transfer that came back: when, and why as the bank says."""

    returned_on = forms.DateField(label=_("Returned on"), widget=forms.DateInput(attrs={"type": "date"}))
    cause = forms.ChoiceField(label=_("Cause"), choices=BankReturn.Cause.choices)
    field_order = ("returned_on", "cause", "reason")


class DepositForm(RemarkForm):
    """Which transfer a deposit is the return of."""

    code = forms.IntegerField(
        label=_("Customer code of the transfer"),
        min_value=1,
        max_value=2**63 - 1,
        help_text=_("The number of the attempt, as it stands in the bank file; the deposit's text often has it."),
    )
    cause = forms.ChoiceField(label=_("Cause"), choices=BankReturn.Cause.choices)
    field_order = ("code", "cause", "reason")


class ReturnsForm(forms.Form):
    """The list that the bank gives."""

    file = forms.FileField(
        label=_("List of returned transfers"),
        help_text=_(
            "CSV with the columns code (the customer code), amount and returned_on, and if you like cause "
            "(no_account, name, closed, other) and remark. One wrong row, and nothing is recorded."
        ),
    )


def _returned(attempt: PayoutAttempt, *, actor: Any, at: datetime, **values: Any) -> None:
    outcome.record_return(attempt, actor=actor, at=at, **values)


def _by_deposit(line: StatementLine, *, actor: Any, at: datetime, code: int, **values: Any) -> None:
    outcome.return_by_deposit(line, code, actor=actor, at=at, **values)


def _from_file(row: None, *, actor: Any, at: datetime, file: Any) -> list[tuple[Any, Any]]:
    new, known = returns_csv.record_file(file.read(returns_csv.MOST_BYTES + 1), actor=actor, at=at)
    return [(_("newly recorded"), new), (_("known before"), known)]


#: On the page of an attempt.
RETURN = Act(
    name="return",
    label=_("Record a return"),
    roles=(FINANCE_MAKER,),
    run=_returned,
    form=ReturnForm,
    when=lambda row: row.state in (PayoutAttempt.State.SENT, PayoutAttempt.State.PAID),
    explanation=_("The bank sent it back: it is owed to the investor again, who is asked to mend the account."),
    confirm=True,
)

#: On the page of a bank receipt.
RETURNED_BY_DEPOSIT = Act(
    name="returned",
    label=_("It is a payout that came back"),
    roles=(FINANCE_MAKER,),
    run=_by_deposit,
    form=DepositForm,
    when=lambda line: line.free > 0,
    explanation=_("It is owed to the investor again, who is asked to mend the account; the deposit is used up."),
    confirm=True,
)


@admin.register(BankReturn)
class BankReturnAdmin(ReadOnlyAdmin):
    """A transfer that came back."""

    list_display = ("attempt", "returned_on", "cause", "reason", "recorded_by", "happened_at")
    list_filter = ("cause",)
    list_select_related = ("attempt", "recorded_by")
    ordering = ("-pk",)
    list_acts = (
        Act(
            name="file",
            label=_("Record returns from a file"),
            roles=(FINANCE_MAKER,),
            run=_from_file,
            form=ReturnsForm,
            explanation=_("What is known already stays as it is, so that the same file can be given again."),
        ),
    )
