"""The bank accounts that investors gave: masked; a version is never changed here (domain.md section 11)."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from investments.models import BankAccount
from microfund.kernel.admin import ReadOnlyAdmin


@admin.register(BankAccount)
class BankAccountAdmin(ReadOnlyAdmin):
    """One version of the account of one investor."""

    list_display = ("investor", "bank_name", "branch_name", "kind", "masked_number", "holder", "created_at", "ended_at")
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    list_select_related = ("investor",)
    search_fields = ("investor__name", "investor__name_kana", "holder")
    ordering = ("-pk",)
    fields = (
        "investor",
        "bank_code",
        "bank_name",
        "branch_code",
        "branch_name",
        "kind",
        "masked_number",
        "holder",
        "created_at",
        "ended_at",
    )

    @admin.display(description=_("account number"))
    def masked_number(self, row: BankAccount) -> str:
        return row.masked
