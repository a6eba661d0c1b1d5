"""The form by which an owner reports a period's sales (pages.md O5)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy

from investments.models import Period
from investments.revenue import reports
from microfund.kernel import clock


class ReportForm(forms.Form):
    """One period's report: a figure for every month (yen without consumption tax), who works there, what there is to
    say."""

    staff = forms.IntegerField(
        label=gettext_lazy("People employed now"), min_value=0, max_value=100_000, required=False
    )
    jobs_created = forms.IntegerField(
        label=gettext_lazy("Jobs created in this period"), min_value=0, max_value=100_000, required=False
    )
    action = forms.ChoiceField(
        label=gettext_lazy("What this report asks for"),
        choices=[
            ("report", gettext_lazy("Count it, and pay what it earns")),
            ("defer", gettext_lazy("Count it, but pay with the next period")),
            ("waive", gettext_lazy("Do not count this period")),
        ],
        widget=forms.RadioSelect,
        initial="report",
    )
    reason = forms.CharField(
        label=gettext_lazy("Why the payment is to be put off, or the figure corrected"),
        help_text=gettext_lazy("Only if you ask for that. The fund's staff decide, and your supporters read it."),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=4_000,
        required=False,
    )
    comment = forms.CharField(
        label=gettext_lazy("What happened this year"),
        help_text=gettext_lazy("Needed when sales are more than 10 % off the plan. Your supporters read it."),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=4_000,
        required=False,
    )

    def __init__(
        self,
        *arguments: Any,
        period: Period,
        months: int,
        lines: list[dict[str, Any]],
        restatement: bool,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        if restatement:
            del self.fields["action"]
        days = [clock.add_months(period.starts_on, number) for number in range(months)]
        figures = {
            f"month_{line}_{number}": forms.IntegerField(
                label=date_format(day, "YEAR_MONTH_FORMAT"),
                min_value=0,
                max_value=reports.REVENUE_MOST,
                localize=False,
                error_messages={"max_value": gettext_lazy("This is too large a figure for one month.")},
                initial=own["months"][number] if number < len(own["months"]) else None,
                widget=forms.NumberInput(attrs={"inputmode": "numeric", "step": 1}),
            )
            for line, own in enumerate(lines)
            for number, day in enumerate(days)
        }
        self.fields = {**figures, **self.fields}
        self.labels = [own["label"] for own in lines]
        self.months = months

    @property
    def lines(self) -> list[tuple[str, list[Any]]]:
        """Each line of the revenue basis: its name (empty where there is one alone) and the fields of its months."""
        return [
            (label, [self[f"month_{line}_{number}"] for number in range(self.months)])
            for line, label in enumerate(self.labels)
        ]

    @property
    def other_fields(self) -> list[Any]:
        """The bound fields after them."""
        return [field for field in self if not field.name.startswith("month_")]

    def values(self) -> dict[str, Any]:
        """What `reports.save_draft` takes."""
        data = {name: value for name, value in self.cleaned_data.items() if not name.startswith("month_")}
        lines = [
            {"label": label, "months": [self.cleaned_data[f"month_{line}_{number}"] for number in range(self.months)]}
            for line, label in enumerate(self.labels)
        ]
        return {**data, "lines": lines}
