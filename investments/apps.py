from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class InvestmentsConfig(AppConfig):
    name = "investments"
    verbose_name = _("Investments")

    def ready(self) -> None:
        from investments import (
            checks,
            election_mails,
            election_samples,
            gift_mails,
            gift_samples,
            inheritance_mails,
            mail_samples,
            mails,
            outcome_mails,
            owner_mails,
            payout_mails,
            people_mails,
            relief_mails,
            relief_samples,
            repayment_mails,
            repayment_samples,
            report_mails,
            sweeps,
        )
        from investments.banking import outgoing
        from investments.banking import services as banking
        from investments.distributions import credit, pay_in
        from investments.payments import own_accounts, refund, transfer
        from investments.payouts import release, spending, tax
        from microfund.kernel import locks

        # The hottest row last (architecture.md section 3).
        locks.declare_order(
            "businesses.Business",
            "investments.Moratorium",
            "investments.Fund",
            "investments.Period",
            "investments.MoratoriumFund",
            "investments.RevenueReport",
            "investments.Distribution",
            "investments.Instalment",
            "investments.WriteOff",
            "investments.PayoutRun",
            "investments.Payout",
            "investments.PayoutAttempt",
            "investments.Order",
            "investments.Gift",
            "investments.PaymentAttempt",
            "investments.Refund",
            "investments.Dispute",
            "investments.StatementLine",
            "investments.OutgoingTransfer",
            "investments.Inheritance",
            "investments.Holding",
            "investments.PersonBusiness",
            "investments.PersonFund",
            "investments.FundCounter",
        )
        sweeps.register()
        mails.register()
        gift_mails.register()
        owner_mails.register()
        outcome_mails.register()
        people_mails.register()
        inheritance_mails.register()
        repayment_mails.register()
        payout_mails.register()
        report_mails.register()
        relief_mails.register()
        election_mails.register()
        mail_samples.register()
        gift_samples.register()
        relief_samples.register()
        repayment_samples.register()
        election_samples.register()
        banking.register_claimer("orders", transfer.claim)
        banking.register_claimer("businesses", pay_in.claim)
        outgoing.register_purpose("receipt", banking.SendingBack())
        outgoing.register_purpose("refund", refund.RefundByBank())
        outgoing.register_purpose("dispute", own_accounts.ToppingUp())
        outgoing.register_purpose("fees", own_accounts.FeeSweep())
        outgoing.register_purpose("credit", credit.ReturningCredit())
        outgoing.register_purpose("release", release.ReleaseToBusiness())
        outgoing.register_purpose("tax", tax.TaxToOffice())
        spending.register()
        checks.register()
        post_migrate.connect(self._baseline, sender=self, dispatch_uid="investments-baseline")

    @staticmethod
    def _baseline(**kwargs: object) -> None:
        from investments.ledger.post import ensure_operator_book
        from investments.policy.services import ensure_baseline

        ensure_baseline(demo=settings.DEMO_MODE)
        ensure_operator_book()
