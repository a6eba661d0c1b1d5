"""Repayment in kind and giving back: offers, choices, the lines that follow them and what comes back to cash."""

import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

from microfund.kernel.sql import run_sql_file


class Migration(migrations.Migration):
    dependencies = [
        ("investments", "0021_moratorium_ends_and_transfer_files"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ElectedLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "choice",
                    models.CharField(
                        choices=[
                            ("cash", "in cash"),
                            ("in_kind", "in kind"),
                            ("give_back", "given back to the business"),
                        ],
                        max_length=9,
                        verbose_name="choice",
                    ),
                ),
                ("bonus", models.DecimalField(decimal_places=4, max_digits=5, verbose_name="bonus in kind")),
                ("units", models.PositiveIntegerField(verbose_name="units")),
                ("net", models.BigIntegerField(verbose_name="net")),
                ("tax", models.BigIntegerField(verbose_name="tax withheld")),
            ],
            options={
                "verbose_name": "line taken otherwise",
                "verbose_name_plural": "lines taken otherwise",
            },
        ),
        migrations.CreateModel(
            name="ElectedReturn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("happened_at", models.DateTimeField(verbose_name="happened at")),
                ("released_at", models.DateTimeField(null=True, verbose_name="released at")),
            ],
            options={
                "verbose_name": "amount back in cash",
                "verbose_name_plural": "amounts back in cash",
            },
        ),
        migrations.CreateModel(
            name="Election",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "choice",
                    models.CharField(
                        choices=[
                            ("cash", "in cash"),
                            ("in_kind", "in kind"),
                            ("give_back", "given back to the business"),
                        ],
                        max_length=9,
                        verbose_name="choice",
                    ),
                ),
                ("bonus", models.DecimalField(decimal_places=4, default=0, max_digits=5, verbose_name="bonus in kind")),
                ("made_at", models.DateTimeField(verbose_name="made at")),
            ],
            options={
                "verbose_name": "choice of repayment",
                "verbose_name_plural": "choices of repayment",
            },
        ),
        migrations.CreateModel(
            name="ElectionOffer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("in_kind", models.BooleanField(verbose_name="in kind")),
                ("bonus", models.DecimalField(decimal_places=4, default=0, max_digits=5, verbose_name="bonus in kind")),
                ("give_back", models.BooleanField(verbose_name="giving back")),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                ("made_at", models.DateTimeField(verbose_name="made at")),
            ],
            options={
                "verbose_name": "offer of other repayment",
                "verbose_name_plural": "offers of other repayment",
            },
        ),
        migrations.RemoveConstraint(
            model_name="distribution",
            name="distribution_received",
        ),
        migrations.RemoveConstraint(
            model_name="distribution",
            name="distribution_written_off",
        ),
        migrations.RemoveConstraint(
            model_name="payout",
            name="payout_sums",
        ),
        migrations.RemoveConstraint(
            model_name="writeoff",
            name="write_off_sums",
        ),
        migrations.AddField(
            model_name="distribution",
            name="elected_tax",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="tax of what is not paid in cash"),
        ),
        migrations.AddField(
            model_name="distribution",
            name="elected_units",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="units not paid in cash"),
        ),
        migrations.AddField(
            model_name="distribution",
            name="given_back",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="given back, after tax"),
        ),
        migrations.AddField(
            model_name="distribution",
            name="in_kind",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="taken in kind, after tax"),
        ),
        migrations.AddField(
            model_name="distribution",
            name="returned",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="in kind, back in cash"),
        ),
        migrations.AddField(
            model_name="payout",
            name="returned",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="of vouchers that were not used"),
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
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("gross"), "-", models.F("in_kind")
                                    ),
                                    "-",
                                    models.F("given_back"),
                                ),
                                "+",
                                models.F("returned"),
                            ),
                            "-",
                            models.F("written_off"),
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
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            models.F("gross"), "-", models.F("in_kind")
                                        ),
                                        "-",
                                        models.F("given_back"),
                                    ),
                                    "+",
                                    models.F("returned"),
                                ),
                                "-",
                                models.F("received"),
                            ),
                        ),
                        ("written_off__gt", 0),
                        (
                            "written_off_per_unit",
                            django.db.models.expressions.CombinedExpression(
                                models.F("per_unit"), "-", models.F("instalment_per_unit")
                            ),
                        ),
                        ("written_off_per_unit__gte", 0),
                    ),
                    _connector="OR",
                ),
                name="distribution_written_off",
            ),
        ),
        migrations.AddConstraint(
            model_name="distribution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("elected_tax__gte", 0),
                    ("elected_units__gte", 0),
                    ("elected_units__lte", models.F("units")),
                    ("given_back__gte", 0),
                    ("in_kind__gte", 0),
                    ("returned__gte", 0),
                    ("returned__lte", models.F("in_kind")),
                    (
                        "in_kind",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    models.F("per_unit"), "*", models.F("elected_units")
                                ),
                                "-",
                                models.F("elected_tax"),
                            ),
                            "-",
                            models.F("given_back"),
                        ),
                    ),
                ),
                name="distribution_elected",
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "gross",
                        django.db.models.expressions.CombinedExpression(models.F("principal"), "+", models.F("profit")),
                    ),
                    (
                        "net",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(models.F("gross"), "-", models.F("tax")),
                            "+",
                            models.F("returned"),
                        ),
                    ),
                    ("net__gt", 0),
                    ("profit__gte", 0),
                    ("returned__gte", 0),
                    ("tax__gte", 0),
                ),
                name="payout_sums",
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
                    ("per_unit__gte", 0),
                    ("tax__gte", 0),
                ),
                name="write_off_sums",
            ),
        ),
        migrations.AddField(
            model_name="electedline",
            name="allocation",
            field=models.OneToOneField(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="elected",
                to="investments.allocation",
            ),
        ),
        migrations.AddField(
            model_name="electedline",
            name="distribution",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="elected_lines",
                to="investments.distribution",
                verbose_name="distribution",
            ),
        ),
        migrations.AddField(
            model_name="electedreturn",
            name="distribution",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="elected_returns",
                to="investments.distribution",
                verbose_name="distribution",
            ),
        ),
        migrations.AddField(
            model_name="electedreturn",
            name="line",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="came_back",
                to="investments.electedline",
                verbose_name="line",
            ),
        ),
        migrations.AddField(
            model_name="electedreturn",
            name="payout",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="came_back",
                to="investments.payout",
            ),
        ),
        migrations.AddField(
            model_name="election",
            name="holding",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="elections",
                to="investments.holding",
                verbose_name="holding",
            ),
        ),
        migrations.AddField(
            model_name="election",
            name="made_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="made by",
            ),
        ),
        migrations.AddField(
            model_name="electedline",
            name="election",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lines",
                to="investments.election",
                verbose_name="choice of repayment",
            ),
        ),
        migrations.AddField(
            model_name="electionoffer",
            name="fund",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="election_offers",
                to="investments.fund",
                verbose_name="fund",
            ),
        ),
        migrations.AddField(
            model_name="electionoffer",
            name="made_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="made by",
            ),
        ),
        migrations.AddField(
            model_name="election",
            name="offer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="elections",
                to="investments.electionoffer",
                verbose_name="offer",
            ),
        ),
        migrations.AddIndex(
            model_name="electedreturn",
            index=models.Index(
                condition=models.Q(("amount__gt", 0), ("payout__isnull", True)),
                fields=["distribution"],
                name="elected_return_open_idx",
            ),
        ),
        migrations.AddConstraint(
            model_name="electedreturn",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("amount__gte", 0),
                    models.Q(("payout__isnull", True), ("released_at__isnull", False), _connector="OR"),
                    models.Q(("released_at__isnull", True), ("amount__gt", 0), _connector="OR"),
                ),
                name="elected_return_steps",
            ),
        ),
        migrations.AddConstraint(
            model_name="electedline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("choice__in", ["cash", "in_kind", "give_back"]),
                    ("net__gt", 0),
                    ("tax__gte", 0),
                    ("units__gt", 0),
                    models.Q(("choice", "in_kind"), ("bonus", 0), _connector="OR"),
                ),
                name="elected_line_sums",
            ),
        ),
        migrations.AddIndex(
            model_name="electionoffer",
            index=models.Index(fields=["fund", "-id"], name="election_offer_newest_idx"),
        ),
        migrations.AddConstraint(
            model_name="electionoffer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("bonus__gte", 0), ("bonus__lte", 1), models.Q(("in_kind", True), ("bonus", 0), _connector="OR")
                ),
                name="election_offer_bonus",
            ),
        ),
        migrations.AddIndex(
            model_name="election",
            index=models.Index(fields=["holding", "-made_at", "-id"], name="election_newest_idx"),
        ),
        migrations.AddConstraint(
            model_name="election",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("bonus__gte", 0),
                    ("bonus__lte", 1),
                    ("choice__in", ["cash", "in_kind", "give_back"]),
                    models.Q(("choice", "in_kind"), ("bonus", 0), _connector="OR"),
                ),
                name="election_bonus",
            ),
        ),
        run_sql_file(__file__, "elections"),
    ]
