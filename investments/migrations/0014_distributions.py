"""Revenue reports, distributions and payouts: ten years of repayment (domain.md sections 5 to 8)."""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import microfund.kernel.crypto
from microfund.kernel.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("investments", "0013_calendar_address"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Distribution",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("supplement", models.PositiveSmallIntegerField(default=0, verbose_name="supplement")),
                (
                    "state",
                    models.CharField(
                        choices=[("calculated", "calculated"), ("approved", "approved"), ("discarded", "discarded")],
                        default="calculated",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("report", "report"),
                            ("defer", "deferred"),
                            ("waive", "waived"),
                            ("wind_up", "wind-up"),
                            ("supplement", "supplement after a restatement"),
                        ],
                        max_length=10,
                        verbose_name="action",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("paid", "paid in full"),
                            ("capped", "capped; the rest is carried"),
                            ("grace", "grace period"),
                            ("deferred", "deferred"),
                            ("waived", "waived"),
                            ("below_floor", "revenue below the floor"),
                            ("no_revenue", "no revenue"),
                            ("repaid", "the investment is repaid"),
                            ("ahead", "paid ahead of what is earned"),
                            ("below_one", "less than one yen for each unit"),
                            ("no_residual", "nothing is left"),
                        ],
                        max_length=12,
                        verbose_name="reason",
                    ),
                ),
                ("figures", models.JSONField(default=dict, verbose_name="revenue counted, by period")),
                ("counted_revenue", models.BigIntegerField(verbose_name="revenue of the period as counted")),
                ("cumulative_revenue", models.BigIntegerField(verbose_name="revenue counted so far")),
                ("entitlement_per_unit", models.BigIntegerField(verbose_name="earned so far, per unit")),
                ("paid_before", models.BigIntegerField(verbose_name="distributed before, per unit")),
                ("principal_before", models.BigIntegerField(verbose_name="principal before, per unit")),
                ("per_unit", models.BigIntegerField(verbose_name="per unit")),
                ("principal_per_unit", models.BigIntegerField(verbose_name="principal per unit")),
                ("carried_per_unit", models.BigIntegerField(verbose_name="carried, per unit")),
                ("lost_per_unit", models.BigIntegerField(default=0, verbose_name="ended unpaid, per unit")),
                ("record_on", models.DateField(verbose_name="record date")),
                ("payment_on", models.DateField(verbose_name="planned payment date")),
                (
                    "rate_person",
                    models.DecimalField(decimal_places=4, max_digits=5, verbose_name="withholding rate, persons"),
                ),
                (
                    "rate_company",
                    models.DecimalField(decimal_places=4, max_digits=5, verbose_name="withholding rate, companies"),
                ),
                ("holdings", models.PositiveIntegerField(default=0, verbose_name="holdings")),
                ("units", models.BigIntegerField(default=0, verbose_name="units")),
                ("gross", models.BigIntegerField(default=0, verbose_name="gross")),
                ("principal", models.BigIntegerField(default=0, verbose_name="principal")),
                ("profit", models.BigIntegerField(default=0, verbose_name="profit")),
                ("tax", models.BigIntegerField(default=0, verbose_name="tax withheld")),
                ("net", models.BigIntegerField(default=0, verbose_name="net")),
                ("payer_code", models.CharField(max_length=10, unique=True, verbose_name="payer code")),
                ("received", models.BigIntegerField(default=0, verbose_name="paid in by the business")),
                (
                    "instalment_per_unit",
                    models.BigIntegerField(default=0, verbose_name="released to be paid out, per unit"),
                ),
                ("calculated_at", models.DateTimeField(verbose_name="calculated at")),
                ("approved_at", models.DateTimeField(null=True, verbose_name="approved at")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                (
                    "approved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="approved by",
                    ),
                ),
                (
                    "calculated_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="calculated by",
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="distributions",
                        to="investments.fund",
                        verbose_name="fund",
                    ),
                ),
                (
                    "period",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="distributions",
                        to="investments.period",
                        verbose_name="period",
                    ),
                ),
                (
                    "terms",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="investments.terms",
                        verbose_name="terms",
                    ),
                ),
            ],
            options={
                "verbose_name": "distribution",
                "verbose_name_plural": "distributions",
            },
        ),
        migrations.CreateModel(
            name="Allocation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("units", models.PositiveIntegerField(verbose_name="units")),
                ("gross", models.BigIntegerField(verbose_name="gross")),
                ("principal", models.BigIntegerField(verbose_name="principal")),
                ("profit", models.BigIntegerField(verbose_name="profit")),
                ("tax", models.BigIntegerField(verbose_name="tax withheld")),
                ("net", models.BigIntegerField(verbose_name="net")),
                ("rate", models.DecimalField(decimal_places=4, max_digits=5, verbose_name="withholding rate")),
                ("payee_class", models.CharField(max_length=8, verbose_name="class of payee")),
                (
                    "holding",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allocations",
                        to="investments.holding",
                    ),
                ),
                (
                    "distribution",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allocations",
                        to="investments.distribution",
                    ),
                ),
            ],
            options={
                "verbose_name": "allocation",
                "verbose_name_plural": "allocations",
            },
        ),
        migrations.CreateModel(
            name="Instalment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(verbose_name="number")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("prepared", "waits for approval"),
                            ("approved", "approved"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="prepared",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("per_unit", models.BigIntegerField(verbose_name="per unit")),
                ("per_unit_before", models.BigIntegerField(verbose_name="per unit before")),
                ("complete", models.BooleanField(default=False, verbose_name="wholly in payouts")),
                ("reason", models.CharField(blank=True, default="", max_length=200, verbose_name="reason")),
                ("prepared_at", models.DateTimeField(verbose_name="prepared at")),
                ("approved_at", models.DateTimeField(null=True, verbose_name="approved at")),
                (
                    "checker",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="approved by",
                    ),
                ),
                (
                    "distribution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="instalments",
                        to="investments.distribution",
                        verbose_name="distribution",
                    ),
                ),
                (
                    "maker",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="prepared by",
                    ),
                ),
            ],
            options={
                "verbose_name": "instalment",
                "verbose_name_plural": "instalments",
            },
        ),
        migrations.CreateModel(
            name="PayIn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("happened_at", models.DateTimeField(verbose_name="happened at")),
                (
                    "distribution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pay_ins",
                        to="investments.distribution",
                    ),
                ),
                (
                    "use",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="pay_in", to="investments.receiptuse"
                    ),
                ),
            ],
            options={
                "verbose_name": "payment of a business",
                "verbose_name_plural": "payments of businesses",
            },
        ),
        migrations.CreateModel(
            name="Payout",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waits for a run"),
                            ("in_run", "in a run"),
                            ("sent", "sent"),
                            ("paid", "paid"),
                            ("returned", "returned by the bank"),
                            ("unclaimed", "unclaimed"),
                        ],
                        default="in_run",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("gross", models.BigIntegerField(verbose_name="gross")),
                ("principal", models.BigIntegerField(verbose_name="principal")),
                ("profit", models.BigIntegerField(verbose_name="profit")),
                ("tax", models.BigIntegerField(verbose_name="tax withheld")),
                ("net", models.BigIntegerField(verbose_name="net")),
                ("withheld_on", models.DateField(null=True, verbose_name="tax withheld on")),
                ("paid_on", models.DateField(null=True, verbose_name="paid on")),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payouts",
                        to="investments.fund",
                        verbose_name="fund",
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payouts",
                        to="investments.investor",
                        verbose_name="investor",
                    ),
                ),
            ],
            options={
                "verbose_name": "payout",
                "verbose_name_plural": "payouts",
            },
        ),
        migrations.CreateModel(
            name="PayoutAttempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(default=1, verbose_name="number")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("in_run", "in a run"),
                            ("sent", "sent"),
                            ("paid", "paid"),
                            ("returned", "returned by the bank"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="in_run",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="investments.bankaccount",
                        verbose_name="account",
                    ),
                ),
                (
                    "payout",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attempts",
                        to="investments.payout",
                    ),
                ),
            ],
            options={
                "verbose_name": "attempt of a payout",
                "verbose_name_plural": "attempts of payouts",
            },
        ),
        migrations.CreateModel(
            name="BankReturn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("returned_on", models.DateField(verbose_name="returned on")),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("no_account", "no such account"),
                            ("name", "the name is not the holder's"),
                            ("closed", "the account is closed"),
                            ("other", "another cause"),
                        ],
                        default="other",
                        max_length=10,
                        verbose_name="cause",
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=200, verbose_name="remark")),
                ("happened_at", models.DateTimeField(verbose_name="happened at")),
                (
                    "recorded_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "use",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_return",
                        to="investments.receiptuse",
                    ),
                ),
                (
                    "attempt",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_return",
                        to="investments.payoutattempt",
                    ),
                ),
            ],
            options={
                "verbose_name": "returned transfer",
                "verbose_name_plural": "returned transfers",
            },
        ),
        migrations.CreateModel(
            name="PayoutItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("gross", models.BigIntegerField(verbose_name="gross")),
                ("principal", models.BigIntegerField(verbose_name="principal")),
                ("profit", models.BigIntegerField(verbose_name="profit")),
                ("tax", models.BigIntegerField(verbose_name="tax withheld")),
                ("net", models.BigIntegerField(verbose_name="net")),
                (
                    "allocation",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="investments.allocation",
                    ),
                ),
                (
                    "instalment",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="investments.instalment",
                    ),
                ),
                (
                    "payout",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="investments.payout",
                    ),
                ),
            ],
            options={
                "verbose_name": "part of a payout",
                "verbose_name_plural": "parts of payouts",
            },
        ),
        migrations.CreateModel(
            name="PayoutRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("prepared", "waits for approval"),
                            ("approved", "to be sent to the bank"),
                            ("sent", "sent"),
                            ("done", "done"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="prepared",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("pay_on", models.DateField(verbose_name="transfer date")),
                ("currency", models.CharField(default="JPY", max_length=3, verbose_name="currency")),
                ("payments", models.PositiveIntegerField(default=0, verbose_name="payments")),
                ("amount", models.BigIntegerField(default=0, verbose_name="amount")),
                ("profile", models.JSONField(default=dict, verbose_name="bank profile")),
                ("prepared_at", models.DateTimeField(verbose_name="prepared at")),
                ("approved_at", models.DateTimeField(null=True, verbose_name="approved at")),
                ("sent_at", models.DateTimeField(null=True, verbose_name="sent at")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                (
                    "checker",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="approved by",
                    ),
                ),
                (
                    "maker",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="prepared by",
                    ),
                ),
            ],
            options={
                "verbose_name": "payout run",
                "verbose_name_plural": "payout runs",
            },
        ),
        migrations.CreateModel(
            name="PayoutFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(verbose_name="number")),
                ("payments", models.PositiveIntegerField(verbose_name="payments")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("file", models.CharField(max_length=100, verbose_name="stored as")),
                ("key", microfund.kernel.crypto.EncryptedTextField(verbose_name="key")),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="files",
                        to="investments.payoutrun",
                        verbose_name="run",
                    ),
                ),
            ],
            options={
                "verbose_name": "bank file",
                "verbose_name_plural": "bank files",
            },
        ),
        migrations.AddField(
            model_name="payoutattempt",
            name="run",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="attempts",
                to="investments.payoutrun",
            ),
        ),
        migrations.AddField(
            model_name="payout",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payouts",
                to="investments.payoutrun",
                verbose_name="run",
            ),
        ),
        migrations.CreateModel(
            name="Release",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "part",
                    models.CharField(
                        choices=[("donation", "donations"), ("investment", "investment")],
                        max_length=10,
                        verbose_name="part",
                    ),
                ),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("created_at", models.DateTimeField(verbose_name="prepared at")),
                ("released_on", models.DateField(null=True, verbose_name="released on")),
                ("withdrawn_at", models.DateTimeField(null=True, verbose_name="withdrawn at")),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="releases",
                        to="investments.fund",
                        verbose_name="fund",
                    ),
                ),
            ],
            options={
                "verbose_name": "release to a business",
                "verbose_name_plural": "releases to businesses",
            },
        ),
        migrations.CreateModel(
            name="RevenueReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveSmallIntegerField(verbose_name="version")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("submitted", "submitted"),
                            ("returned", "returned"),
                            ("accepted", "accepted"),
                            ("discarded", "discarded"),
                        ],
                        default="draft",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[("report", "report"), ("defer", "defer the payment"), ("waive", "waive the period")],
                        default="report",
                        max_length=6,
                        verbose_name="action",
                    ),
                ),
                ("restatement", models.BooleanField(default=False, verbose_name="restates an accepted report")),
                ("lines", models.JSONField(default=list, verbose_name="figures")),
                ("revenue", models.BigIntegerField(default=0, verbose_name="revenue")),
                ("staff", models.PositiveIntegerField(blank=True, null=True, verbose_name="people employed")),
                ("jobs_created", models.PositiveIntegerField(blank=True, null=True, verbose_name="jobs created")),
                ("comment", models.TextField(blank=True, default="", verbose_name="comment")),
                ("reason", models.TextField(blank=True, default="", verbose_name="reason")),
                ("saved_at", models.DateTimeField(verbose_name="saved at")),
                ("submitted_at", models.DateTimeField(null=True, verbose_name="submitted at")),
                ("decided_at", models.DateTimeField(null=True, verbose_name="decided at")),
                ("answer", models.TextField(blank=True, default="", verbose_name="answer of the fund's staff")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by",
                    ),
                ),
                (
                    "period",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reports",
                        to="investments.period",
                        verbose_name="period",
                    ),
                ),
                (
                    "submitted_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="signed by",
                    ),
                ),
                (
                    "written_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "revenue report",
                "verbose_name_plural": "revenue reports",
            },
        ),
        migrations.CreateModel(
            name="Evidence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, verbose_name="file name")),
                ("content_type", models.CharField(max_length=40, verbose_name="kind of file")),
                ("size", models.PositiveIntegerField(verbose_name="bytes")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("file", models.CharField(max_length=100, verbose_name="stored as")),
                ("key", microfund.kernel.crypto.EncryptedTextField(verbose_name="key")),
                ("added_at", models.DateTimeField(verbose_name="added at")),
                (
                    "added_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "report",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence",
                        to="investments.revenuereport",
                        verbose_name="report",
                    ),
                ),
            ],
            options={
                "verbose_name": "evidence of a report",
                "verbose_name_plural": "evidence of reports",
            },
        ),
        migrations.AddField(
            model_name="distribution",
            name="report",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="distributions",
                to="investments.revenuereport",
            ),
        ),
        migrations.CreateModel(
            name="TaxPayment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.DateField(verbose_name="month")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("due_on", models.DateField(verbose_name="due on")),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                ("paid_on", models.DateField(null=True, verbose_name="paid on")),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tax_payments",
                        to="investments.fund",
                        verbose_name="fund",
                    ),
                ),
            ],
            options={
                "verbose_name": "withheld tax of a month",
                "verbose_name_plural": "withheld tax by month",
            },
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.UniqueConstraint(fields=("distribution", "holding"), name="allocation_once"),
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "gross",
                        django.db.models.expressions.CombinedExpression(models.F("principal"), "+", models.F("profit")),
                    ),
                    ("net", django.db.models.expressions.CombinedExpression(models.F("gross"), "-", models.F("tax"))),
                    ("principal__gte", 0),
                    ("profit__gte", 0),
                    ("tax__gte", 0),
                    ("units__gt", 0),
                ),
                name="allocation_sums",
            ),
        ),
        migrations.AddIndex(
            model_name="instalment",
            index=models.Index(
                condition=models.Q(("complete", False), ("state", "approved")),
                fields=["distribution"],
                name="instalment_open_idx",
            ),
        ),
        migrations.AddConstraint(
            model_name="instalment",
            constraint=models.UniqueConstraint(fields=("distribution", "number"), name="instalment_once"),
        ),
        migrations.AddConstraint(
            model_name="instalment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "prepared")), fields=("distribution",), name="instalment_one_prepared"
            ),
        ),
        migrations.AddConstraint(
            model_name="instalment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "withdrawn"), _negated=True),
                fields=("distribution", "per_unit_before"),
                name="instalment_after_the_last",
            ),
        ),
        migrations.AddConstraint(
            model_name="instalment",
            constraint=models.CheckConstraint(
                condition=models.Q(("per_unit__gt", 0), ("per_unit_before__gte", 0)), name="instalment_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="instalment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "approved"), _negated=True),
                    models.Q(("checker__isnull", True), ("maker__isnull", True)),
                    models.Q(
                        ("checker__isnull", False),
                        ("maker__isnull", False),
                        models.Q(("maker", models.F("checker")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="instalment_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="payin",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="pay_in_positive"),
        ),
        migrations.AddConstraint(
            model_name="payoutitem",
            constraint=models.UniqueConstraint(fields=("allocation", "instalment"), name="payout_item_once"),
        ),
        migrations.AddConstraint(
            model_name="payoutitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "gross",
                        django.db.models.expressions.CombinedExpression(models.F("principal"), "+", models.F("profit")),
                    ),
                    ("net", django.db.models.expressions.CombinedExpression(models.F("gross"), "-", models.F("tax"))),
                    ("tax__gte", 0),
                ),
                name="payout_item_sums",
            ),
        ),
        migrations.AddConstraint(
            model_name="payoutrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["prepared", "withdrawn"]),
                    models.Q(
                        ("approved_at__isnull", False),
                        ("checker__isnull", False),
                        models.Q(("checker", models.F("maker")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="payout_run_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="payoutrun",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gte", 0)), name="payout_run_not_negative"),
        ),
        migrations.AddConstraint(
            model_name="payoutfile",
            constraint=models.UniqueConstraint(fields=("run", "number"), name="payout_file_once"),
        ),
        migrations.AddIndex(
            model_name="payoutattempt",
            index=models.Index(fields=["run", "state"], name="payout_attempt_run_idx"),
        ),
        migrations.AddConstraint(
            model_name="payoutattempt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["in_run", "sent", "paid"])),
                fields=("payout",),
                name="payout_attempt_one_live",
            ),
        ),
        migrations.AddConstraint(
            model_name="payoutattempt",
            constraint=models.UniqueConstraint(fields=("payout", "number"), name="payout_attempt_once"),
        ),
        migrations.AddConstraint(
            model_name="payoutattempt",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="payout_attempt_positive"),
        ),
        migrations.AddIndex(
            model_name="payout",
            index=models.Index(
                condition=models.Q(("state__in", ["waiting", "returned"])),
                fields=["fund", "investor"],
                name="payout_waiting_idx",
            ),
        ),
        migrations.AddIndex(
            model_name="payout",
            index=models.Index(fields=["investor", "-run"], name="payout_investor_idx"),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.UniqueConstraint(fields=("run", "fund", "investor"), name="payout_once"),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "gross",
                        django.db.models.expressions.CombinedExpression(models.F("principal"), "+", models.F("profit")),
                    ),
                    ("net", django.db.models.expressions.CombinedExpression(models.F("gross"), "-", models.F("tax"))),
                    ("net__gt", 0),
                    ("profit__gte", 0),
                    ("tax__gte", 0),
                ),
                name="payout_sums",
            ),
        ),
        migrations.AddConstraint(
            model_name="release",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="release_positive"),
        ),
        migrations.AddConstraint(
            model_name="release",
            constraint=models.UniqueConstraint(
                condition=models.Q(("released_on__isnull", True), ("withdrawn_at__isnull", True)),
                fields=("fund", "part"),
                name="release_one_under_way",
            ),
        ),
        migrations.AddIndex(
            model_name="revenuereport",
            index=models.Index(fields=["state", "submitted_at"], name="report_state_idx"),
        ),
        migrations.AddConstraint(
            model_name="revenuereport",
            constraint=models.UniqueConstraint(fields=("period", "version"), name="report_version_once"),
        ),
        migrations.AddConstraint(
            model_name="revenuereport",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["draft", "submitted"])), fields=("period",), name="report_one_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="revenuereport",
            constraint=models.UniqueConstraint(
                condition=models.Q(("restatement", False), ("state", "accepted")),
                fields=("period",),
                name="report_accepted_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="revenuereport",
            constraint=models.CheckConstraint(condition=models.Q(("revenue__gte", 0)), name="report_not_negative"),
        ),
        migrations.AddConstraint(
            model_name="revenuereport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["draft", "discarded"]),
                    models.Q(("submitted_at__isnull", False), ("submitted_by__isnull", False)),
                    _connector="OR",
                ),
                name="report_signed",
            ),
        ),
        migrations.AddConstraint(
            model_name="revenuereport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["returned", "accepted"]), _negated=True),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                        models.Q(("decided_by", models.F("submitted_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="report_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="revenuereport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("action", "report"), ("restatement", False)),
                    models.Q(("reason", ""), _negated=True),
                    ("state", "draft"),
                    _connector="OR",
                ),
                name="report_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="revenuereport",
            constraint=models.CheckConstraint(
                condition=models.Q(("restatement", False), ("action", "report"), _connector="OR"),
                name="report_restates_figure",
            ),
        ),
        migrations.AddConstraint(
            model_name="evidence",
            constraint=models.UniqueConstraint(fields=("report", "sha256"), name="evidence_once"),
        ),
        migrations.AddIndex(
            model_name="distribution",
            index=models.Index(fields=["fund", "state"], name="distribution_fund_idx"),
        ),
        migrations.AddConstraint(
            model_name="distribution",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "discarded"), _negated=True),
                fields=("period", "supplement"),
                name="distribution_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="distribution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "approved"), _negated=True),
                    models.Q(
                        ("approved_at__isnull", False),
                        ("approved_by__isnull", False),
                        models.Q(("approved_by", models.F("calculated_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="distribution_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="distribution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "gross",
                        django.db.models.expressions.CombinedExpression(models.F("per_unit"), "*", models.F("units")),
                    ),
                    ("net", django.db.models.expressions.CombinedExpression(models.F("gross"), "-", models.F("tax"))),
                    (
                        "principal",
                        django.db.models.expressions.CombinedExpression(
                            models.F("principal_per_unit"), "*", models.F("units")
                        ),
                    ),
                    (
                        "profit",
                        django.db.models.expressions.CombinedExpression(models.F("gross"), "-", models.F("principal")),
                    ),
                ),
                name="distribution_sums",
            ),
        ),
        migrations.AddConstraint(
            model_name="distribution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("per_unit__gte", 0),
                    ("principal_per_unit__gte", 0),
                    ("principal_per_unit__lte", models.F("per_unit")),
                    ("tax__gte", 0),
                    ("tax__lte", models.F("profit")),
                ),
                name="distribution_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="distribution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("instalment_per_unit__gte", 0),
                    ("instalment_per_unit__lte", models.F("per_unit")),
                    ("received__gte", 0),
                    ("received__lte", models.F("gross")),
                ),
                name="distribution_received",
            ),
        ),
        migrations.AddConstraint(
            model_name="taxpayment",
            constraint=models.UniqueConstraint(fields=("fund", "month"), name="tax_payment_once"),
        ),
        migrations.AddConstraint(
            model_name="taxpayment",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="tax_payment_positive"),
        ),
        run_sql_file(__file__, "distributions"),
    ]
