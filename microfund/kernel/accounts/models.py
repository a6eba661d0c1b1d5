"""People who log in. Who they are in the fund's sense (investor, owner, staff) is told by other rows."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from microfund.kernel.crypto import EncryptedTextField


class UserManager(BaseUserManager["User"]):
    """Creates users by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a user; the address is stored in lower case. Raises ValueError without an address."""
        if not email:
            raise ValueError("an e-mail address is needed")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a superuser; the admin still asks for a second factor."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A login: e-mail address, password or passkey, language. Names and addresses are the investor's (encrypted)."""

    email = models.EmailField(_("e-mail address"), max_length=254, unique=True)
    is_staff = models.BooleanField(_("staff"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    language = models.CharField(
        _("language"), max_length=8, default="en", choices=[("en", "English"), ("ja", "日本語")]
    )
    date_joined = models.DateTimeField(_("joined"), default=timezone.now)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [models.UniqueConstraint(Lower("email"), name="accounts_user_email_once")]

    def __str__(self) -> str:
        return self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.strip().lower()
        super().save(*args, **kwargs)


class FormerAddress(models.Model):
    """An e-mail address that a login had before, kept so that its owner hears of changes soon after (pages.md E5)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="former_addresses", verbose_name=_("user"))
    email = EncryptedTextField(_("e-mail address"))
    replaced_at = models.DateTimeField(_("replaced at"), db_default=Now())

    class Meta:
        verbose_name = _("former address")
        verbose_name_plural = _("former addresses")
        indexes = [models.Index(fields=["user", "replaced_at"], name="accounts_former_idx")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.replaced_at:%Y-%m-%d}"


class Opened(models.Model):
    """Something that was put into a person's account and that they have opened once (pages.md I1): `what` names it,
    such as ``statement:2026``. For the account alone, and nothing else that is looked at is noted down."""

    user = models.ForeignKey(User, models.CASCADE, related_name="opened", verbose_name=_("user"))
    what = models.CharField(_("what"), max_length=80)
    at = models.DateTimeField(_("opened at"))

    class Meta:
        verbose_name = _("opened document")
        verbose_name_plural = _("opened documents")
        constraints = [models.UniqueConstraint(fields=["user", "what"], name="accounts_opened_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.what}"
