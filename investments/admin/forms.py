"""Forms of the acts that move money."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from investments.models import BankAccount, Order
from microfund.kernel import clock
from microfund.kernel.acts import ReasonForm, RemarkForm

ACCOUNT_TYPES = (("1", _("ordinary")), ("2", _("current")), ("4", _("savings")), ("9", _("other")))


def _digits(count: int) -> RegexValidator:
    return RegexValidator(rf"\A[0-9]{{{count}}}\Z", _("Enter %(count)d digits.") % {"count": count})


class PayeeForm(ReasonForm):
    """A transfer to be prepared: to which account, and why."""

    bank = forms.CharField(label=_("Bank number"), max_length=4, validators=[_digits(4)])
    branch = forms.CharField(label=_("Branch number"), max_length=3, validators=[_digits(3)])
    type = forms.ChoiceField(label=_("Account type"), choices=ACCOUNT_TYPES)
    number = forms.CharField(label=_("Account number"), max_length=7, validators=[_digits(7)])
    holder = forms.CharField(label=_("Account holder in kana"), max_length=60, help_text=_("It must be the payer."))
    field_order = ("bank", "branch", "type", "number", "holder", "reason")


ANOTHER = "another"


class KnownPayeeForm(PayeeForm):
    """A transfer to an investor: to the account that they gave, which is offered first and stays masked, or to another.

    `initial["known"]` is the current BankAccount or None. The account of the form is the one that was shown: when the
    investor changes it meanwhile, the choice is refused and the new one offered.
    """

    account = forms.ChoiceField(label=_("To"), widget=forms.RadioSelect)
    field_order = ("account", *PayeeForm.field_order)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.known = self.initial.pop("known", None)
        if self.known is None:
            del self.fields["account"]
            return
        words = f"{self.known} ({self.known.get_kind_display()}) {self.known.holder}"
        self.fields["account"].choices = [(str(self.known.pk), words), (ANOTHER, _("another account, given below"))]
        self.initial["account"] = str(self.known.pk)
        if self.data.get("account") != ANOTHER:
            for name in PAYEE:
                self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if (
            self.known is not None
            and data.get("account") == str(self.known.pk)
            and any(data.get(n) for n in PAYEE_TYPED)
        ):
            self.add_error("account", _("Choose “another account” to use what is filled in below."))
        return data


class AmountPayeeForm(PayeeForm):
    """A transfer of a part."""

    amount = forms.IntegerField(label=_("Amount (yen)"), min_value=1)
    field_order = ("amount", *PayeeForm.field_order)


class SentForm(RemarkForm):
    """A transfer that was made at the bank: when, under which reference."""

    transferred_on = forms.DateField(
        label=_("Transfer date"), widget=forms.DateInput(attrs={"type": "date"}), initial=clock.today_in
    )
    bank_reference = forms.CharField(label=_("Bank's reference"), max_length=60)
    field_order = ("transferred_on", "bank_reference", "reason")

    def clean_transferred_on(self) -> Any:
        day = self.cleaned_data["transferred_on"]
        if day > clock.today_in():
            raise forms.ValidationError(_("The transfer date has not come yet."))
        return day


PAYEE = ("bank", "branch", "type", "number", "holder")
#: Those that are empty unless somebody typed them.
PAYEE_TYPED = ("bank", "branch", "number", "holder")


def payee_of(values: dict[str, Any]) -> dict[str, str]:
    """Take the account out of a form's values: {"bank", "branch", "type", "number", "holder"}."""
    return {name: values.pop(name) for name in PAYEE}


def known_payee(values: dict[str, Any], known: BankAccount | None) -> dict[str, str]:
    """As `payee_of`, or the investor's own account where that was chosen."""
    typed = payee_of(values)
    chosen = values.pop("account", ANOTHER)
    return known.payee if known is not None and chosen == str(known.pk) else typed


class OrderForm(ReasonForm):
    """The order that a receipt pays, by its reference."""

    order = forms.CharField(label=_("Order reference"), max_length=20)
    field_order = ("order", "reason")

    def clean_order(self) -> str:
        reference = self.cleaned_data["order"].strip().upper()
        if not Order.objects.filter(reference=reference).exists():
            raise forms.ValidationError(_("There is no order with this reference."))
        return reference


class StatementForm(forms.Form):
    """A statement of the operator's bank."""

    MAX_BYTES = 5 * 1024 * 1024

    file = forms.FileField(label=_("Statement file"), help_text=_("CSV or Zengin deposit records, at most 5 MB."))
    format = forms.ChoiceField(
        label=_("Format"), choices=(("auto", _("find out")), ("csv", "CSV"), ("zengin", "Zengin")), initial="auto"
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > self.MAX_BYTES:
            raise forms.ValidationError(_("The file is larger than 5 MB."))
        return file


# --- Lists in JSON ------------------------------------------------------------------------------------------------

PLAN_SHAPE = _("Write a list of whole yen, one for each period: [12000000, 15000000].")
USES_SHAPE = _('Write a list like [{"en": "Rafts", "ja": "筏", "amount": 3000000}].')
RISKS_SHAPE = _('Write a list like [{"en": "Another storm may come.", "ja": "再び嵐が来るおそれがあります。"}].')


def _whole(value: Any) -> bool:
    return type(value) is int and value >= 0


def _texts(value: Any, extra: frozenset[str] = frozenset()) -> bool:
    """Whether it is an object of two filled-in texts and these other keys."""
    return (
        isinstance(value, dict)
        and value.keys() == {"en", "ja"} | extra
        and all(isinstance(value[language], str) and value[language].strip() for language in ("en", "ja"))
    )


def clean_plan(value: Any) -> list[int]:
    """Planned revenue: a list of whole yen; empty is allowed. Raises ValidationError."""
    if value and not (isinstance(value, list) and all(_whole(part) for part in value)):
        raise forms.ValidationError(PLAN_SHAPE)
    return value or []


def clean_uses(value: Any) -> list[dict[str, Any]]:
    """The use of funds: objects of two texts and an amount; empty is allowed. Raises ValidationError."""
    amount = frozenset({"amount"})
    if value and not (
        isinstance(value, list) and all(_texts(part, amount) and _whole(part["amount"]) for part in value)
    ):
        raise forms.ValidationError(USES_SHAPE)
    return value or []


def clean_risks(value: Any) -> list[dict[str, Any]]:
    """Risks: objects of two texts; empty is allowed. Raises ValidationError."""
    if value and not (isinstance(value, list) and all(_texts(part) for part in value)):
        raise forms.ValidationError(RISKS_SHAPE)
    return value or []


def clean_caps(value: Any) -> list[int | None] | None:
    """Caps by period: a list of whole yen or null, or none at all. Raises ValidationError."""
    if value and not (isinstance(value, list) and all(part is None or _whole(part) for part in value)):
        raise forms.ValidationError(_("Write a list of whole yen or null, one for each period, or nothing."))
    return value or None
