"""The staff groups (domain.md section 11). What each may do is asked by name: `has_role(user, "finance maker")`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group

REVIEWER = "reviewer"
OPERATIONS = "operations"
FINANCE_MAKER = "finance maker"
FINANCE_CHECKER = "finance checker"
SUPPORT = "support"
AUDITOR = "auditor"
ROLES = (REVIEWER, OPERATIONS, FINANCE_MAKER, FINANCE_CHECKER, SUPPORT, AUDITOR)


def ensure_groups() -> None:
    """Create the staff groups that are missing."""
    for name in ROLES:
        Group.objects.get_or_create(name=name)


def roles_of(user: Any) -> frozenset[str]:
    """The staff roles of a user, read once per user object; empty for anybody who is not active staff."""
    if not (user and user.is_authenticated and user.is_active and user.is_staff):
        return frozenset()
    if not hasattr(user, "_roles"):
        user._roles = frozenset(user.groups.values_list("name", flat=True)) & frozenset(ROLES)
    return user._roles


def has_role(user: Any, *names: str) -> bool:
    """Whether the user is active staff in one of these groups (superusers are in all but never bypass two people)."""
    if user and user.is_authenticated and user.is_active and user.is_staff and user.is_superuser:
        return True
    return bool(roles_of(user) & set(names))
