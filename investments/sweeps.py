"""The sweeps of this app in the order in which a business date runs them (domain.md section 6)."""

from __future__ import annotations

from investments import mails, repayment_mails, report_mails
from investments.banking import services as banking
from investments.distributions import moratorium
from investments.gifts import services as gifts
from investments.investors import documents, duplicates
from investments.offerings import services as offerings
from investments.offerings import waiting
from investments.orders import services as orders
from investments.payments import reconcile, webhook
from investments.payments import services as payments
from investments.payouts import outcome, records, tax, unclaimed
from investments.payouts import services as payouts
from investments.revenue import evidence, reports
from investments.revenue import services as revenue
from microfund.kernel import private
from microfund.kernel.schedule import services as schedule


def register() -> None:
    """Called once when the app is ready."""
    for folder, named in (
        (documents.FOLDER, documents.named),
        (evidence.FOLDER, evidence.named),
        (payouts.FOLDER, payouts.named),
    ):
        private.register(folder, named)
    for order, (name, run, cadence) in enumerate(
        [
            ("offerings.open", offerings.open_due, "minute"),
            ("payments.webhooks", webhook.process_due, "minute"),
            ("payments.reconcile", reconcile.payments_due, "minute"),
            ("payments.objects", reconcile.objects_due, "hour"),
            ("banking.claim", banking.claim_pending, "minute"),
            ("payments.expire", payments.expire_due, "minute"),
            ("orders.confirm", orders.confirm_due, "minute"),
            ("offerings.close", offerings.close_due, "minute"),
            ("payments.identity_deadline", payments.identity_deadline_due, "hour"),
            ("gifts.run_out", gifts.gifts_due, "hour"),
            ("payments.fail", payments.fail_due, "minute"),
            ("payments.refunds", reconcile.refunds_due, "minute"),
            ("payments.payouts", reconcile.payouts_due, "hour"),
            ("offerings.waiting", waiting.tell_due, "hour"),
            ("revenue.start", revenue.start_due, "minute"),
            ("distributions.moratoria", moratorium.steps_due, "minute"),
            ("revenue.reports", reports.await_reports_due, "hour"),
            ("revenue.reschedule", revenue.reschedule_due, "day"),
            ("payouts.paid", outcome.paid_due, "hour"),
            ("payouts.tax", tax.gather_due, "day"),
            ("payouts.unclaimed", unclaimed.set_aside_due, "day"),
            ("orders.lower_totals", orders.lower_totals_due, "day"),
            ("mails.reminders", mails.remind_transfers_due, "day"),
            ("mails.reports", report_mails.remind_reports_due, "day"),
            ("mails.statements", repayment_mails.yearly_statements_due, "day"),
            ("investors.documents", documents.delete_due, "day"),
            ("payouts.records", records.forget_accounts_due, "day"),
            ("investors.duplicates", duplicates.find_due, "day"),
            ("private.orphans", private.sweep_orphans, "day"),
        ],
        start=10,
    ):
        schedule.register(name, run, cadence=cadence, order=order)
