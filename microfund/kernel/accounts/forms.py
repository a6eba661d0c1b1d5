"""allauth's forms where ours must do more."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import SignupForm as AllauthSignupForm
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest


class SignupForm(AllauthSignupForm):
    """Signing up takes as long for an address that has an account already as for a new one."""

    def try_save(self, request: HttpRequest) -> Any:
        """The account, or the answer that looks like its page. Hashing the password is most of the work of a new
        account, a third of a second; without it the time would tell who has one."""
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])
        return super().try_save(request)
