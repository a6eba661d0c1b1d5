"""What funds promise their investors in kind."""

from __future__ import annotations

from django.contrib import admin

from microfund.kernel.accounts.roles import OPERATIONS, REVIEWER
from microfund.kernel.admin import StaffAdmin

from .models import Offer


@admin.register(Offer)
class OfferAdmin(StaffAdmin):
    """One promised reward of a fund."""

    edit_roles = (REVIEWER, OPERATIONS)
    list_display = ("fund", "minimum_units", "text_en", "text_ja", "when_en")
    list_select_related = ("fund",)
    search_fields = ("fund__slug", "text_en", "text_ja")
    ordering = ("-fund", "minimum_units", "pk")
