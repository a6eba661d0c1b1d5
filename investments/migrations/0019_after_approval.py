"""After a distribution was approved: write-offs, taxing again, moratoria, and what waits for an account for a year."""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from microfund.kernel.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("investments", "0018_inheritance"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Moratorium",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=120, verbose_name="title")),
                ("reason", models.CharField(max_length=500, verbose_name="reason")),
                (
                    "action",
                    models.CharField(
                        choices=[("defer", "put the payments off"), ("waive", "do not count the periods")],
                        max_length=6,
                        verbose_name="action",
                    ),
                ),
                ("from_on", models.DateField(verbose_name="periods that end from")),
                ("until_on", models.DateField(verbose_name="until")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("prepared", "waits for approval"),
                            ("approved", "in force"),
                            ("ended", "ended"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="prepared",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("prepared_at", models.DateTimeField(verbose_name="prepared at")),
                ("approved_at", models.DateTimeField(null=True, verbose_name="approved at")),
                ("told_at", models.DateTimeField(null=True, verbose_name="told at")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended at")),
                (
                    "end_reason",
                    models.CharField(blank=True, default="", max_length=500, verbose_name="reason of the end"),
                ),
                ("end_told_at", models.DateTimeField(null=True, verbose_name="told of the end at")),
            ],
            options={
                "verbose_name": "moratorium",
                "verbose_name_plural": "moratoria",
            },
        ),
        migrations.CreateModel(
            name="MoratoriumFund",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waits for its step"),
                            ("applied", "in force"),
                            ("lifted", "ended"),
                            ("left_out", "left out"),
                        ],
                        default="waiting",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("error", models.CharField(blank=True, default="", max_length=500, verbose_name="error")),
            ],
            options={
                "verbose_name": "fund of a moratorium",
                "verbose_name_plural": "funds of moratoria",
            },
        ),
        migrations.CreateModel(
            name="Retax",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(verbose_name="number")),
                ("pay_on", models.DateField(verbose_name="transfer date")),
                (
                    "rate_person",
                    models.DecimalField(decimal_places=4, max_digits=5, verbose_name="withholding rate, persons"),
                ),
                (
                    "rate_company",
                    models.DecimalField(decimal_places=4, max_digits=5, verbose_name="withholding rate, companies"),
                ),
                ("net", models.BigIntegerField(default=0, verbose_name="net")),
                ("tax", models.BigIntegerField(default=0, verbose_name="tax withheld")),
                ("happened_at", models.DateTimeField(verbose_name="happened at")),
            ],
            options={
                "verbose_name": "new tax rate of a distribution",
                "verbose_name_plural": "new tax rates of distributions",
            },
        ),
        migrations.CreateModel(
            name="RetaxedAllocation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_per_unit", models.BigIntegerField(verbose_name="from, per unit")),
                ("taken", models.BigIntegerField(verbose_name="withheld before")),
                ("rate", models.DecimalField(decimal_places=4, max_digits=5, verbose_name="withholding rate")),
                ("tax_before", models.BigIntegerField(verbose_name="tax before")),
                ("tax", models.BigIntegerField(verbose_name="tax withheld")),
            ],
            options={
                "verbose_name": "line taxed again",
                "verbose_name_plural": "lines taxed again",
            },
        ),
        migrations.CreateModel(
            name="UnclaimedPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("net", models.BigIntegerField(verbose_name="net")),
                ("set_aside_at", models.DateTimeField(verbose_name="set aside at")),
                ("claimed_at", models.DateTimeField(null=True, verbose_name="claimed at")),
            ],
            options={
                "verbose_name": "unclaimed part",
                "verbose_name_plural": "unclaimed parts",
            },
        ),
        migrations.CreateModel(
            name="WriteOff",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
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
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("per_unit", models.BigIntegerField(verbose_name="per unit")),
                ("net", models.BigIntegerField(verbose_name="net")),
                ("tax", models.BigIntegerField(verbose_name="tax that falls away")),
                ("credit", models.BigIntegerField(default=0, verbose_name="credit of the business")),
                ("credit_left", models.BigIntegerField(default=0, verbose_name="credit left")),
                ("returned", models.BigIntegerField(default=0, verbose_name="transferred back to the business")),
                ("returned_on", models.DateField(null=True, verbose_name="transferred back on")),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                ("prepared_at", models.DateTimeField(verbose_name="prepared at")),
                ("approved_at", models.DateTimeField(null=True, verbose_name="approved at")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
            ],
            options={
                "verbose_name": "write-off",
                "verbose_name_plural": "write-offs",
            },
        ),
        migrations.RemoveConstraint(
            model_name="distribution",
            name="distribution_received",
        ),
        migrations.AddField(
            model_name="distribution",
            name="written_off",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="written off"),
        ),
        migrations.AddField(
            model_name="distribution",
            name="written_off_per_unit",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="written off, per unit"),
        ),
        migrations.AddField(
            model_name="period",
            name="relief",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=6, verbose_name="put off or waived"
            ),
        ),
        migrations.AlterField(
            model_name="payin",
            name="use",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="pay_in",
                to="investments.receiptuse",
            ),
        ),
        migrations.AddConstraint(
            model_name="distribution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("instalment_per_unit__gte", 0),
                    (
                        "instalment_per_unit__lte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("per_unit"), "-", models.F("written_off_per_unit")
                        ),
                    ),
                    ("received__gte", 0),
                    (
                        "received__lte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("gross"), "-", models.F("written_off")
                        ),
                    ),
                ),
                name="distribution_received",
            ),
        ),
        migrations.AddConstraint(
            model_name="distribution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("written_off", 0), ("written_off_per_unit", 0)),
                    models.Q(
                        (
                            "written_off",
                            django.db.models.expressions.CombinedExpression(
                                models.F("gross"), "-", models.F("received")
                            ),
                        ),
                        ("written_off__gt", 0),
                        (
                            "written_off_per_unit",
                            django.db.models.expressions.CombinedExpression(
                                models.F("per_unit"), "-", models.F("instalment_per_unit")
                            ),
                        ),
                        ("written_off_per_unit__gt", 0),
                    ),
                    _connector="OR",
                ),
                name="distribution_written_off",
            ),
        ),
        migrations.AddField(
            model_name="moratorium",
            name="checker",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="approved by",
            ),
        ),
        migrations.AddField(
            model_name="moratorium",
            name="ended_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="ended by",
            ),
        ),
        migrations.AddField(
            model_name="moratorium",
            name="maker",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="prepared by",
            ),
        ),
        migrations.AddField(
            model_name="period",
            name="moratorium",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="periods",
                to="investments.moratorium",
                verbose_name="moratorium",
            ),
        ),
        migrations.AddConstraint(
            model_name="period",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("moratorium__isnull", True), ("relief", "")),
                    models.Q(("moratorium__isnull", False), ("relief__in", ["defer", "waive"])),
                    _connector="OR",
                ),
                name="period_relief",
            ),
        ),
        migrations.AddField(
            model_name="moratoriumfund",
            name="fund",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="moratoria",
                to="investments.fund",
                verbose_name="fund",
            ),
        ),
        migrations.AddField(
            model_name="moratoriumfund",
            name="moratorium",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="funds",
                to="investments.moratorium",
                verbose_name="moratorium",
            ),
        ),
        migrations.AddField(
            model_name="retax",
            name="distribution",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="retaxes",
                to="investments.distribution",
                verbose_name="distribution",
            ),
        ),
        migrations.AddField(
            model_name="retax",
            name="maker",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="prepared by",
            ),
        ),
        migrations.AddField(
            model_name="retaxedallocation",
            name="allocation",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="retaxed",
                to="investments.allocation",
            ),
        ),
        migrations.AddField(
            model_name="retaxedallocation",
            name="retax",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lines",
                to="investments.retax",
            ),
        ),
        migrations.AddField(
            model_name="unclaimedpart",
            name="allocation",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="unclaimed",
                to="investments.allocation",
                verbose_name="allocation",
            ),
        ),
        migrations.AddField(
            model_name="unclaimedpart",
            name="fund",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="investments.fund",
                verbose_name="fund",
            ),
        ),
        migrations.AddField(
            model_name="unclaimedpart",
            name="instalment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="investments.instalment",
                verbose_name="instalment",
            ),
        ),
        migrations.AddField(
            model_name="unclaimedpart",
            name="investor",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="investments.investor",
                verbose_name="investor",
            ),
        ),
        migrations.AddField(
            model_name="writeoff",
            name="checker",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="approved by",
            ),
        ),
        migrations.AddField(
            model_name="writeoff",
            name="distribution",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="write_offs",
                to="investments.distribution",
                verbose_name="distribution",
            ),
        ),
        migrations.AddField(
            model_name="writeoff",
            name="maker",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="prepared by",
            ),
        ),
        migrations.AddField(
            model_name="payin",
            name="credit",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="uses", to="investments.writeoff"
            ),
        ),
        migrations.AddConstraint(
            model_name="payin",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("credit__isnull", True), ("use__isnull", False)),
                    models.Q(("credit__isnull", False), ("use__isnull", True)),
                    _connector="OR",
                ),
                name="pay_in_of_one_source",
            ),
        ),
        migrations.AddConstraint(
            model_name="moratorium",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["approved", "ended"]), _negated=True),
                    models.Q(
                        ("approved_at__isnull", False),
                        ("checker__isnull", False),
                        models.Q(("checker", models.F("maker")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="moratorium_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="moratorium",
            constraint=models.CheckConstraint(
                condition=models.Q(("from_on__lte", models.F("until_on"))), name="moratorium_dates"
            ),
        ),
        migrations.AddConstraint(
            model_name="moratorium",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", False), ("ended_by__isnull", False), ("state", "ended")),
                    models.Q(
                        models.Q(("state", "ended"), _negated=True),
                        ("ended_at__isnull", True),
                        ("ended_by__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="moratorium_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="moratoriumfund",
            constraint=models.UniqueConstraint(fields=("moratorium", "fund"), name="moratorium_fund_once"),
        ),
        migrations.AddConstraint(
            model_name="retax",
            constraint=models.UniqueConstraint(fields=("distribution", "number"), name="retax_once"),
        ),
        migrations.AddConstraint(
            model_name="retax",
            constraint=models.CheckConstraint(
                condition=models.Q(("net__gte", 0), ("tax__gte", 0)), name="retax_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="retaxedallocation",
            constraint=models.UniqueConstraint(fields=("retax", "allocation"), name="retaxed_allocation_once"),
        ),
        migrations.AddConstraint(
            model_name="retaxedallocation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("from_per_unit__gte", 0),
                    ("rate__gte", 0),
                    ("rate__lte", 1),
                    ("taken__gte", 0),
                    ("tax__gte", models.F("taken")),
                ),
                name="retaxed_allocation_sums",
            ),
        ),
        migrations.AddIndex(
            model_name="unclaimedpart",
            index=models.Index(
                condition=models.Q(("claimed_at__isnull", True)),
                fields=["investor", "fund"],
                name="unclaimed_part_open_idx",
            ),
        ),
        migrations.AddConstraint(
            model_name="unclaimedpart",
            constraint=models.UniqueConstraint(
                condition=models.Q(("claimed_at__isnull", True)),
                fields=("allocation", "instalment"),
                name="unclaimed_part_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="unclaimedpart",
            constraint=models.CheckConstraint(condition=models.Q(("net__gt", 0)), name="unclaimed_part_positive"),
        ),
        migrations.AddIndex(
            model_name="writeoff",
            index=models.Index(
                condition=models.Q(("credit_left__gt", 0)), fields=["distribution"], name="write_off_credit_idx"
            ),
        ),
        migrations.AddConstraint(
            model_name="writeoff",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "withdrawn"), _negated=True),
                fields=("distribution",),
                name="write_off_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="writeoff",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "approved"), _negated=True),
                    models.Q(
                        ("approved_at__isnull", False),
                        ("checker__isnull", False),
                        models.Q(("checker", models.F("maker")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="write_off_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="writeoff",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "amount",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(models.F("net"), "+", models.F("tax")),
                            "-",
                            models.F("credit"),
                        ),
                    ),
                    ("amount__gt", 0),
                    ("credit__gte", 0),
                    ("net__gte", 0),
                    ("per_unit__gt", 0),
                    ("tax__gte", 0),
                ),
                name="write_off_sums",
            ),
        ),
        migrations.AddConstraint(
            model_name="writeoff",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "credit__gte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("credit_left"), "+", models.F("returned")
                        ),
                    ),
                    ("credit_left__gte", 0),
                    ("returned__gte", 0),
                    models.Q(("state", "approved"), ("credit_left", 0), _connector="OR"),
                    models.Q(
                        models.Q(("returned", 0), ("returned_on__isnull", True)),
                        models.Q(("returned__gt", 0), ("returned_on__isnull", False)),
                        _connector="OR",
                    ),
                ),
                name="write_off_credit",
            ),
        ),
        run_sql_file(__file__, "after_approval"),
    ]
