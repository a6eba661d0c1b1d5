"""Who speaks for a business: owners let editors in and out (pages.md O1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from microfund.kernel import locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError

from .models import Business, Membership


def members_of(business: Business) -> QuerySet[Membership]:
    """The members with their accounts, owners first."""
    return Membership.objects.filter(business=business).select_related("user").order_by("-role", "user__email")


def businesses_of(user: Any) -> QuerySet[Business]:
    """The businesses that the user speaks for, by name."""
    return Business.objects.filter(memberships__user=user).order_by("name_en", "pk")


def owners_of(business: Business) -> QuerySet[Membership]:
    """The active members with the role of owner, with their accounts."""
    own = Membership.objects.filter(business=business, role=Membership.Role.OWNER, user__is_active=True)
    return own.select_related("user").order_by("user_id")


def owned_by(user: Any) -> set[int]:
    """The ids of the businesses of which the user is an owner."""
    own = Membership.objects.filter(user_id=user.pk, role=Membership.Role.OWNER)
    return set(own.values_list("business_id", flat=True))


def role_of(user: Any, business: Business) -> str:
    """The user's role in the business; empty for none."""
    found = Membership.objects.filter(user=user, business=business).values_list("role", flat=True).first()
    return found or ""


def invite_editor(business: Business, email: str, *, actor: Any, at: datetime) -> Membership:
    """Let somebody with an account write for the business; who is a member already keeps their role.

    Raises DomainError("no_account").
    """
    user = get_user_model().objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        message = _("There is no account with this address. Ask the person to sign up first, then invite them here.")
        raise DomainError("no_account", message, field="email")
    with transaction.atomic():
        locks.lock_one(Business, business.pk)
        member, made = Membership.objects.get_or_create(
            business=business, user=user, defaults={"role": Membership.Role.EDITOR}
        )
        if made:
            audit.record(
                action="businesses.Membership.added",
                subject=member,
                at=at,
                actor=actor,
                changes={"user": user.pk, "role": member.role},
            )
    return member


def remove_member(business: Business, membership_id: int, *, actor: Any, at: datetime) -> None:
    """Take a member out; the last owner stays. Raises Membership.DoesNotExist, DomainError("last_owner")."""
    with transaction.atomic():
        locks.lock_one(Business, business.pk)
        member = Membership.objects.get(pk=membership_id, business=business)
        others = owners_of(business)
        if member.role == Membership.Role.OWNER and not others.exclude(pk=member.pk).exists():
            raise DomainError(
                "last_owner", _("The last owner cannot be removed. Write to us to hand the business over.")
            )
        audit.record(
            action="businesses.Membership.removed",
            subject=member,
            at=at,
            actor=actor,
            changes={"user": member.user_id, "role": member.role},
        )
        member.delete()
