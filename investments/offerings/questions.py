"""Five statements that an investor judges before applying, so that nobody buys what they take for something else.

A wrong answer is explained and may be given again as often as needed (pages.md F3): the aim is to be understood, not to
keep anybody out. The keys are stored with the order, so a statement whose sense changes needs a new key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from investments.policy.models import PolicyProfile


@dataclass(frozen=True, slots=True)
class Question:
    """A statement that is true or false, and why. Texts may hold %(days)d, the length of cooling-off."""

    key: str
    text: Any
    answer: bool
    explanation: Any

    def said(self, profile: PolicyProfile) -> str:
        """The statement under this policy, in the active language."""
        return self.text % {"days": profile.cooling_off_days}

    def explained(self, profile: PolicyProfile) -> str:
        """Why the statement is true or false, in the active language."""
        return self.explanation % {"days": profile.cooling_off_days}


QUESTIONS: tuple[Question, ...] = (
    Question(
        "donation_never_repaid",
        _("If the business does well, the donation half of my units is paid back to me."),
        False,
        _("The donation is a gift to the business. It is never paid back, however well the business does."),
    ),
    Question(
        "can_lose_everything",
        _("I can lose the whole investment half."),
        True,
        _("The investment is repaid only out of sales. If they stay away, all of it can be lost."),
    ),
    Question(
        "no_fixed_interest",
        _("I receive a fixed interest every year."),
        False,
        _("There is no interest. What you receive is a share of the sales of each period, and it can be nothing."),
    ),
    Question(
        "no_early_exit",
        _("Once cooling-off is over, I can take my money out whenever I need it."),
        False,
        _("The contract runs for the whole term. You cannot end it early or sell your units at will."),
    ),
    Question(
        "cooling_off",
        _("I can cancel without giving a reason for %(days)d days, and then I get everything back, the fee too."),
        True,
        _("Cooling-off lasts %(days)d days, the day of payment included. Cancelling costs nothing."),
    ),
)


def wrong(answers: Mapping[str, bool | None]) -> list[Question]:
    """The questions that are answered wrongly or not at all, in their order."""
    return [question for question in QUESTIONS if answers.get(question.key) is not question.answer]
