"""Second factors (domain.md section 11): who has one, and how somebody who has lost theirs comes back in.

Staff and owners need one; an investor needs one before a bank account is changed. It is set up through allauth, and a
recovery code stands in for one that is lost. Who has no code left is checked by staff, who then take the old factors
away: the next log-in is by password, and whatever needs a factor asks for a new one first.
"""

from __future__ import annotations

from datetime import datetime
from importlib import import_module
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.notices import letters, parts

from .former import addresses_to_warn
from .models import User


def has_factor(user: Any) -> bool:
    """Whether a login has a second factor. Asked several times a page, read once per user object: a request has its
    own, so a factor that was taken away counts at once."""
    if not hasattr(user, "_has_second_factor"):
        user._has_second_factor = is_mfa_enabled(user)
    return user._has_second_factor


def take_away(user: User, *, actor: Any, at: datetime, reason: str) -> None:
    """Delete every second factor and recovery code of somebody who has lost them, end their sessions, and tell them.

    The caller has checked who is asking. Raises DomainError("own_factor") for one's own, "staff_factor" for a member of
    the staff unless the actor is an administrator, "no_factor" where there is none.
    """
    if user.pk == actor.pk:
        raise DomainError("own_factor", _("Somebody else must do this for you."))
    if (user.is_staff or user.is_superuser) and not actor.is_superuser:
        raise DomainError("staff_factor", _("Second factors of the staff are an administrator's to take away."))
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        factors = Authenticator.objects.filter(user=user)
        types = sorted(factors.values_list("type", flat=True))
        if not types:
            raise DomainError("no_factor", _("This login has no second factor."))
        factors.delete()
        end_sessions(user)
        audit.record(
            action="accounts.User.factors_taken",
            subject=user,
            at=at,
            actor=actor,
            reason=reason,
            changes={"types": types},
        )
        tell(user, at=at)


def end_sessions(user: Any) -> None:
    """Log somebody out everywhere."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    own = UserSession.objects.filter(user=user)
    for key in own.values_list("session_key", flat=True):
        store(key).delete()
    own.delete()


def tell(user: User, *, at: datetime) -> None:
    """E3: that the second factors are gone, to the login's address and those that it had until lately."""

    def letter() -> letters.Letter:
        return letters.Letter(
            subject=_("Your second factors were taken away"),
            paragraphs=[
                _(
                    "You told us that you have lost your second factor. We have taken it away together with your "
                    "recovery codes, and ended every session of your account."
                ),
                _(
                    "Log in with your password and set up a new one: without it, neither the studio of a business nor "
                    "the change of a bank account opens."
                ),
                _("If you did not ask for this, write to us at once: somebody may be trying to get in."),
            ],
            button=_("Set up a second factor"),
            url=parts.link("second_factor"),
        )

    for number, address in enumerate(addresses_to_warn(user, at=at)):
        key = f"factors_taken:{user.pk}:{at.isoformat()}:{number}"
        with translation.override(user.language):
            letters.send("factors_taken", letter(), key=key, at=at, user=user, to=address)
