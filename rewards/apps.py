from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RewardsConfig(AppConfig):
    name = "rewards"
    verbose_name = _("Rewards")

    def ready(self) -> None:
        from investments.banking import outgoing
        from investments.banking import services as banking
        from microfund.kernel import locks, private
        from microfund.kernel.schedule import services as schedule
        from rewards import (
            arrival,
            arrival_mails,
            checks,
            compensation,
            cycles,
            downloads,
            handlers,
            in_kind,
            in_kind_mails,
            letter_mails,
            mail_samples,
            mails,
            settlement_mails,
            settlement_samples,
            visit_calendar,
            visit_mails,
            visits,
        )

        # The hottest row last, as everywhere (architecture.md section 3).
        locks.declare_order(
            "rewards.Offer",
            "rewards.Entitlement",
            "rewards.Batch",
            "rewards.Voucher",
            "rewards.Visit",
            "rewards.Booking",
            "rewards.Cycle",
        )
        for order, (name, run, cadence) in enumerate(
            [
                ("rewards.close", cycles.close_due, "hour"),
                ("rewards.open", cycles.open_due, "hour"),
                ("rewards.remind", cycles.remind_due, "day"),
                ("rewards.deliver", cycles.deliver_due, "day"),
                ("rewards.visits", visits.remind_due, "day"),
                ("rewards.ask", arrival.ask_due, "day"),
                ("rewards.vouchers", in_kind.end_due, "day"),
            ],
            start=60,
        ):
            schedule.register(name, run, cadence=cadence, order=order)
        private.register(downloads.FOLDER, downloads.named)
        handlers.register()
        mails.register()
        arrival_mails.register()
        letter_mails.register()
        visit_mails.register()
        visit_calendar.register()
        settlement_mails.register()
        in_kind_mails.register()
        banking.register_claimer("compensations", compensation.claim)
        outgoing.register_purpose("compensation", compensation.CompensationToHolder())
        mail_samples.register()
        settlement_samples.register()
        checks.register_checks()
