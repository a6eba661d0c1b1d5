"""What the first 23 migrations build, at once: a new database is ready in seconds."""

from decimal import Decimal

import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import investments.policy.methods
import microfund.kernel.crypto
from microfund.kernel.sql import run_sql_file


class Migration(migrations.Migration):
    replaces = [
        ("investments", "0001_initial"),
        ("investments", "0002_ledger_triggers"),
        ("investments", "0003_provider_cursor"),
        ("investments", "0004_bank_rows"),
        ("investments", "0005_fund_list_indexes"),
        ("investments", "0006_place_order"),
        ("investments", "0007_outgoing_transfers"),
        ("investments", "0008_disputes"),
        ("investments", "0009_refunds"),
        ("investments", "0010_rules"),
        ("investments", "0011_people"),
        ("investments", "0012_document_pdf"),
        ("investments", "0013_calendar_address"),
        ("investments", "0014_distributions"),
        ("investments", "0015_addresses"),
        ("investments", "0016_waiting_list"),
        ("investments", "0017_gifts"),
        ("investments", "0018_inheritance"),
        ("investments", "0019_after_approval"),
        ("investments", "0020_bigint_sum"),
        ("investments", "0021_moratorium_ends_and_transfer_files"),
        ("investments", "0022_repayment_in_kind"),
        ("investments", "0023_returns_set_aside"),
    ]

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("audit", "0002_triggers"),
        ("businesses", "0001_squashed_0007_story_milestones_spending"),
    ]

    operations = [
        migrations.CreateModel(
            name="Book",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=40, unique=True, verbose_name="code")),
                (
                    "kind",
                    models.CharField(
                        choices=[("operator", "operator"), ("fund", "fund")],
                        default="fund",
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("currency", models.CharField(default="JPY", max_length=3, verbose_name="currency")),
            ],
            options={
                "verbose_name": "book",
                "verbose_name_plural": "books",
            },
        ),
        migrations.CreateModel(
            name="Fund",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(unique=True, verbose_name="slug")),
                ("name_en", models.CharField(max_length=120, verbose_name="name (English)")),
                ("name_ja", models.CharField(max_length=120, verbose_name="name (Japanese)")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("in_review", "in review"),
                            ("scheduled", "scheduled"),
                            ("open", "raising"),
                            ("closed", "funded"),
                            ("operating", "repaying"),
                            ("matured", "matured"),
                            ("settled", "settled"),
                            ("failed", "not funded"),
                            ("wound_up", "wound up"),
                        ],
                        default="draft",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("currency", models.CharField(default="JPY", max_length=3, verbose_name="currency")),
                ("opens_on", models.DateField(verbose_name="opens on")),
                ("closes_on", models.DateField(verbose_name="closes on, inclusive")),
                ("term_starts_on", models.DateField(verbose_name="term starts on")),
                ("units_minimum", models.PositiveIntegerField(default=0, verbose_name="units needed to succeed")),
                ("opened_at", models.DateTimeField(blank=True, null=True, verbose_name="opened at")),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed at")),
                ("succeeded_at", models.DateTimeField(blank=True, null=True, verbose_name="succeeded at")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="created at"
                    ),
                ),
                (
                    "book",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="fund",
                        to="investments.book",
                    ),
                ),
                (
                    "business",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="funds", to="businesses.business"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("closes_on__lt", models.F("term_starts_on")), ("opens_on__lte", models.F("closes_on"))
                        ),
                        name="fund_dates_in_order",
                    )
                ],
                "indexes": [
                    models.Index(fields=["state", "closes_on"], name="fund_state_closes_idx"),
                    models.Index(fields=["business", "-opens_on"], name="fund_business_idx"),
                    models.Index(fields=["business", "state", "opens_on", "id"], name="fund_shown_idx"),
                    models.Index(
                        models.OrderBy(
                            models.Case(
                                models.When(state="open", then=models.Value(0)),
                                models.When(state="scheduled", then=models.Value(1)),
                                models.When(state="closed", then=models.Value(2)),
                                models.When(state="operating", then=models.Value(3)),
                                default=models.Value(4),
                                output_field=models.IntegerField(),
                            )
                        ),
                        models.OrderBy(
                            models.Case(
                                models.When(state="open", then=models.F("closes_on")),
                                default=None,
                                output_field=models.DateField(),
                            ),
                            nulls_last=True,
                        ),
                        models.OrderBy(models.F("opens_on"), descending=True),
                        models.OrderBy(models.F("id"), descending=True),
                        name="fund_list_idx",
                    ),
                ],
                "verbose_name": "fund",
                "verbose_name_plural": "funds",
            },
        ),
        migrations.CreateModel(
            name="ProviderCursor",
            fields=[
                ("name", models.CharField(max_length=20, primary_key=True, serialize=False, verbose_name="list")),
                ("seen_until", models.DateTimeField(verbose_name="read until")),
            ],
            options={
                "verbose_name": "provider cursor",
                "verbose_name_plural": "provider cursors",
            },
        ),
        migrations.CreateModel(
            name="UnrecordedObject",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("refund", "refund"), ("dispute", "dispute"), ("payout", "provider's payout")],
                        max_length=7,
                        verbose_name="kind",
                    ),
                ),
                ("provider_id", models.CharField(max_length=120, unique=True, verbose_name="provider's object")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "waits"), ("recorded", "recorded"), ("reviewed", "looked at")],
                        default="open",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("problem", models.TextField(verbose_name="problem")),
                ("tries", models.PositiveIntegerField(default=1, verbose_name="tries")),
                ("seen_at", models.DateTimeField(verbose_name="first seen")),
                ("tried_at", models.DateTimeField(verbose_name="last tried")),
            ],
            options={
                "verbose_name": "unrecorded object",
                "verbose_name_plural": "unrecorded objects",
            },
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=40, verbose_name="code")),
                (
                    "book",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="accounts", to="investments.book"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("book", "code"), name="ledger_account_once")],
                "verbose_name": "account",
                "verbose_name_plural": "accounts",
            },
        ),
        migrations.CreateModel(
            name="CalendarAddress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", microfund.kernel.crypto.EncryptedTextField(verbose_name="token")),
                ("token_hash", models.CharField(max_length=64, unique=True, verbose_name="SHA-256 of the token")),
                ("made_at", models.DateTimeField(verbose_name="made at")),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="calendar_address",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "calendar address",
                "verbose_name_plural": "calendar addresses",
            },
        ),
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
                ("written_off", models.BigIntegerField(db_default=0, default=0, verbose_name="written off")),
                (
                    "written_off_per_unit",
                    models.BigIntegerField(db_default=0, default=0, verbose_name="written off, per unit"),
                ),
                (
                    "elected_tax",
                    models.BigIntegerField(db_default=0, default=0, verbose_name="tax of what is not paid in cash"),
                ),
                (
                    "elected_units",
                    models.BigIntegerField(db_default=0, default=0, verbose_name="units not paid in cash"),
                ),
                ("given_back", models.BigIntegerField(db_default=0, default=0, verbose_name="given back, after tax")),
                ("in_kind", models.BigIntegerField(db_default=0, default=0, verbose_name="taken in kind, after tax")),
                ("returned", models.BigIntegerField(db_default=0, default=0, verbose_name="in kind, back in cash")),
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
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
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
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "gross",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("per_unit"), "*", models.F("units")
                                ),
                            ),
                            (
                                "net",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("gross"), "-", models.F("tax")
                                ),
                            ),
                            (
                                "principal",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("principal_per_unit"), "*", models.F("units")
                                ),
                            ),
                            (
                                "profit",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("gross"), "-", models.F("principal")
                                ),
                            ),
                        ),
                        name="distribution_sums",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("per_unit__gte", 0),
                            ("principal_per_unit__gte", 0),
                            ("principal_per_unit__lte", models.F("per_unit")),
                            ("tax__gte", 0),
                            ("tax__lte", models.F("profit")),
                        ),
                        name="distribution_not_negative",
                    ),
                    models.CheckConstraint(
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
                    models.CheckConstraint(
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
                    models.CheckConstraint(
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
                ],
                "indexes": [models.Index(fields=["fund", "state"], name="distribution_fund_idx")],
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
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "gross",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("principal"), "+", models.F("profit")
                                ),
                            ),
                            (
                                "net",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("gross"), "-", models.F("tax")
                                ),
                            ),
                            ("principal__gte", 0),
                            ("profit__gte", 0),
                            ("tax__gte", 0),
                            ("units__gt", 0),
                        ),
                        name="allocation_sums",
                    )
                ],
                "verbose_name": "allocation",
                "verbose_name_plural": "allocations",
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
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="made by",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("bonus__gte", 0),
                            ("bonus__lte", 1),
                            ("choice__in", ["cash", "in_kind", "give_back"]),
                            models.Q(("choice", "in_kind"), ("bonus", 0), _connector="OR"),
                        ),
                        name="election_bonus",
                    )
                ],
                "verbose_name": "choice of repayment",
                "verbose_name_plural": "choices of repayment",
            },
        ),
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
                (
                    "allocation",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="elected",
                        to="investments.allocation",
                    ),
                ),
                (
                    "distribution",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="elected_lines",
                        to="investments.distribution",
                        verbose_name="distribution",
                    ),
                ),
                (
                    "election",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="investments.election",
                        verbose_name="choice of repayment",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("choice__in", ["cash", "in_kind", "give_back"]),
                            ("net__gt", 0),
                            ("tax__gte", 0),
                            ("units__gt", 0),
                            models.Q(("choice", "in_kind"), ("bonus", 0), _connector="OR"),
                        ),
                        name="elected_line_sums",
                    )
                ],
                "verbose_name": "line taken otherwise",
                "verbose_name_plural": "lines taken otherwise",
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
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="made by",
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="election_offers",
                        to="investments.fund",
                        verbose_name="fund",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("bonus__gte", 0),
                            ("bonus__lte", 1),
                            models.Q(("in_kind", True), ("bonus", 0), _connector="OR"),
                        ),
                        name="election_offer_bonus",
                    )
                ],
                "indexes": [models.Index(fields=["fund", "-id"], name="election_offer_newest_idx")],
                "verbose_name": "offer of other repayment",
                "verbose_name_plural": "offers of other repayment",
            },
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
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=40, verbose_name="kind")),
                ("reference", models.CharField(max_length=120, unique=True, verbose_name="reference")),
                ("effective_on", models.DateField(verbose_name="effective on")),
                ("happened_at", models.DateTimeField(verbose_name="happened at")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                ("memo", models.CharField(blank=True, default="", max_length=200, verbose_name="memo")),
                ("xact", models.BigIntegerField(db_default=0, editable=False)),
                (
                    "reverses",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversed_by",
                        to="investments.entry",
                        verbose_name="reverses",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["effective_on"], name="ledger_entry_date_idx")],
                "verbose_name": "journal entry",
                "verbose_name_plural": "journal entries",
            },
        ),
        migrations.CreateModel(
            name="FundCounter",
            fields=[
                (
                    "fund",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="counter",
                        serialize=False,
                        to="investments.fund",
                    ),
                ),
                ("accepting", models.BooleanField(default=False, verbose_name="accepting orders")),
                ("closes_at", models.DateTimeField(verbose_name="closes at (exclusive)")),
                ("offered", models.PositiveIntegerField(verbose_name="offered")),
                ("reserved", models.PositiveIntegerField(default=0, verbose_name="reserved")),
                (
                    "reserved_delayed",
                    models.PositiveIntegerField(default=0, verbose_name="reserved by delayed methods"),
                ),
                ("delayed_limit", models.PositiveIntegerField(verbose_name="at most by delayed methods")),
                ("sold", models.PositiveIntegerField(default=0, verbose_name="sold")),
                ("cleared", models.PositiveIntegerField(default=0, verbose_name="cleared")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "offered__gte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("reserved"), "+", models.F("sold")
                                ),
                            )
                        ),
                        name="fund_never_oversold",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reserved_delayed__lte", models.F("reserved"))),
                        name="fund_delayed_in_reserved",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cleared__lte", models.F("sold"))), name="fund_cleared_in_sold"
                    ),
                ],
                "verbose_name": "fund counter",
                "verbose_name_plural": "fund counters",
            },
        ),
        migrations.CreateModel(
            name="Document",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("pre_contract", "pre-contract document"),
                            ("contract", "contract"),
                            ("risk", "risk explanation"),
                        ],
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                ("language", models.CharField(max_length=8, verbose_name="language")),
                ("html", models.BinaryField(verbose_name="HTML")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                ("pdf", models.BinaryField(null=True, verbose_name="PDF")),
                (
                    "pdf_sha256",
                    models.CharField(
                        blank=True, db_default="", default="", max_length=64, verbose_name="SHA-256 of the PDF"
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="documents", to="investments.fund"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("pdf__isnull", True), ("pdf_sha256", "")),
                            models.Q(("pdf__isnull", False), models.Q(("pdf_sha256", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="document_pdf_has_hash",
                    )
                ],
                "verbose_name": "document",
                "verbose_name_plural": "documents",
            },
        ),
        migrations.CreateModel(
            name="Holding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reference", models.CharField(max_length=20, unique=True, verbose_name="reference")),
                ("units", models.PositiveIntegerField(default=0, verbose_name="units")),
                ("frozen_at", models.DateTimeField(blank=True, null=True, verbose_name="frozen at")),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="holdings", to="investments.fund"
                    ),
                ),
            ],
            options={
                "verbose_name": "holding",
                "verbose_name_plural": "holdings",
            },
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
            model_name="allocation",
            name="holding",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allocations",
                to="investments.holding",
            ),
        ),
        migrations.CreateModel(
            name="IdentityCase",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("opened_at", models.DateTimeField(verbose_name="submitted at")),
                ("decided_at", models.DateTimeField(blank=True, null=True, verbose_name="decided at")),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("verified", "verified"), ("rejected", "rejected")],
                        default="",
                        max_length=8,
                        verbose_name="outcome",
                    ),
                ),
                (
                    "cause",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("unreadable", "The picture cannot be read: it is blurred, too dark, or cut off."),
                            ("expired", "The document has expired."),
                            ("name", "The name on it is not the one in your personal details."),
                            ("birth_date", "The date of birth on it is not the one in your personal details."),
                            ("address", "The address on it is not the one in your personal details."),
                            ("kind", "This document is not one that we can accept."),
                            ("missing", "A side of the document, or the document, is missing."),
                            ("other", "The details could not be confirmed."),
                        ],
                        default="",
                        max_length=12,
                        verbose_name="told to the investor",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("outcome", "")),
                            models.Q(("decided_at__isnull", False), models.Q(("outcome", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="identity_case_decided_with_outcome",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("outcome", "rejected"), _negated=True),
                            models.Q(("cause", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="identity_case_rejected_with_cause",
                    ),
                ],
                "verbose_name": "identity check",
                "verbose_name_plural": "identity checks",
            },
        ),
        migrations.CreateModel(
            name="IdentityDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("licence", "driving licence"),
                            ("number_card", "Individual Number Card (front only)"),
                            ("passport", "passport"),
                            ("residence", "residence card"),
                            ("register", "certificate of registered matters (companies)"),
                            ("other", "another official document"),
                        ],
                        max_length=12,
                        verbose_name="kind of document",
                    ),
                ),
                (
                    "side",
                    models.CharField(
                        choices=[("front", "front"), ("back", "back"), ("further", "further page")],
                        max_length=8,
                        verbose_name="side",
                    ),
                ),
                ("name", models.CharField(editable=False, max_length=80, unique=True)),
                ("key", microfund.kernel.crypto.EncryptedTextField(blank=True, default="", editable=False)),
                ("size", models.PositiveIntegerField(verbose_name="bytes")),
                ("width", models.PositiveIntegerField(verbose_name="width")),
                ("height", models.PositiveIntegerField(verbose_name="height")),
                ("uploaded_at", models.DateTimeField(verbose_name="uploaded at")),
                ("deleted_at", models.DateTimeField(blank=True, null=True, verbose_name="deleted at")),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="investments.identitycase",
                        verbose_name="identity check",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("deleted_at__isnull", True), ("key", ""), _connector="OR"),
                        name="identity_document_key_goes_with_it",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("deleted_at__isnull", True)),
                        fields=("case", "side"),
                        name="identity_document_one_of_a_side",
                    ),
                ],
                "verbose_name": "identity document",
                "verbose_name_plural": "identity documents",
            },
        ),
        migrations.CreateModel(
            name="Inheritance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[("prepared", "waits for approval"), ("done", "moved"), ("withdrawn", "withdrawn")],
                        default="prepared",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("units", models.PositiveIntegerField(verbose_name="units")),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                ("prepared_at", models.DateTimeField(verbose_name="prepared at")),
                ("approved_at", models.DateTimeField(null=True, verbose_name="approved at")),
                ("moved_on", models.DateField(null=True, verbose_name="moved on")),
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
                    "holding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="inheritances",
                        to="investments.holding",
                        verbose_name="holding",
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
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "done"), _negated=True),
                            models.Q(
                                ("approved_at__isnull", False),
                                ("checker__isnull", False),
                                ("moved_on__isnull", False),
                                models.Q(("checker", models.F("maker")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="inheritance_two_people",
                    ),
                    models.CheckConstraint(condition=models.Q(("units__gt", 0)), name="inheritance_positive"),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "withdrawn"), _negated=True),
                        fields=("holding",),
                        name="inheritance_once",
                    ),
                ],
                "verbose_name": "inheritance",
                "verbose_name_plural": "inheritances",
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
                "constraints": [
                    models.UniqueConstraint(fields=("distribution", "number"), name="instalment_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "prepared")),
                        fields=("distribution",),
                        name="instalment_one_prepared",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "withdrawn"), _negated=True),
                        fields=("distribution", "per_unit_before"),
                        name="instalment_after_the_last",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("per_unit__gt", 0), ("per_unit_before__gte", 0)), name="instalment_positive"
                    ),
                    models.CheckConstraint(
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
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("complete", False), ("state", "approved")),
                        fields=["distribution"],
                        name="instalment_open_idx",
                    )
                ],
                "verbose_name": "instalment",
                "verbose_name_plural": "instalments",
            },
        ),
        migrations.CreateModel(
            name="Investor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("person", "a person"), ("company", "a company")],
                        default="person",
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("name_kana", models.CharField(max_length=120, verbose_name="name in kana")),
                (
                    "birth_date",
                    microfund.kernel.crypto.EncryptedTextField(blank=True, default="", verbose_name="birth date"),
                ),
                (
                    "corporate_number",
                    models.CharField(blank=True, default="", max_length=13, verbose_name="corporate number"),
                ),
                (
                    "representative",
                    models.CharField(blank=True, default="", max_length=120, verbose_name="representative"),
                ),
                (
                    "address",
                    microfund.kernel.crypto.EncryptedJSONField(blank=True, default=dict, verbose_name="address"),
                ),
                ("phone", microfund.kernel.crypto.EncryptedTextField(blank=True, default="", verbose_name="phone")),
                ("purpose", models.CharField(blank=True, default="", max_length=20, verbose_name="purpose")),
                ("experience", models.CharField(blank=True, default="", max_length=20, verbose_name="experience")),
                (
                    "funds_origin",
                    models.CharField(blank=True, default="", max_length=20, verbose_name="origin of the money"),
                ),
                (
                    "identity_state",
                    models.CharField(
                        choices=[
                            ("unverified", "not checked"),
                            ("submitted", "submitted"),
                            ("verified", "verified"),
                            ("rejected", "rejected"),
                        ],
                        db_index=True,
                        default="unverified",
                        max_length=10,
                        verbose_name="identity check",
                    ),
                ),
                (
                    "identity_changed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="identity check changed at"),
                ),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                ("person_hash", models.CharField(blank=True, db_index=True, default="", editable=False, max_length=64)),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed at")),
                ("phone_hash", models.CharField(blank=True, db_index=True, default="", editable=False, max_length=64)),
                ("death_recorded_at", models.DateTimeField(blank=True, null=True, verbose_name="death recorded at")),
                ("died_on", models.DateField(blank=True, null=True, verbose_name="died on")),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="investor",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind", "person"), models.Q(("corporate_number", ""), _negated=True), _connector="OR"
                        ),
                        name="investor_company_has_number",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("death_recorded_at__isnull", True), ("died_on__isnull", True)),
                            models.Q(
                                ("death_recorded_at__isnull", False), ("died_on__isnull", False), ("kind", "person")
                            ),
                            _connector="OR",
                        ),
                        name="investor_death",
                    ),
                ],
                "verbose_name": "investor",
                "verbose_name_plural": "investors",
            },
        ),
        migrations.CreateModel(
            name="InheritanceShare",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("units", models.PositiveIntegerField(verbose_name="units")),
                (
                    "inheritance",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="shares",
                        to="investments.inheritance",
                        verbose_name="inheritance",
                    ),
                ),
                (
                    "heir",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="inherited",
                        to="investments.investor",
                        verbose_name="heir",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("inheritance", "heir"), name="inheritance_share_once"),
                    models.CheckConstraint(condition=models.Q(("units__gt", 0)), name="inheritance_share_positive"),
                ],
                "verbose_name": "share of an inheritance",
                "verbose_name_plural": "shares of inheritances",
            },
        ),
        migrations.AddField(
            model_name="inheritance",
            name="payee",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="investments.investor",
                verbose_name="receives what is still to be paid",
            ),
        ),
        migrations.AddField(
            model_name="identitycase",
            name="investor",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="identity_cases",
                to="investments.investor",
                verbose_name="investor",
            ),
        ),
        migrations.AddField(
            model_name="holding",
            name="investor",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="holdings", to="investments.investor"
            ),
        ),
        migrations.AddField(
            model_name="holding",
            name="paid_to",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="investments.investor",
                verbose_name="paid to",
            ),
        ),
        migrations.CreateModel(
            name="BankAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("bank_code", models.CharField(max_length=4, verbose_name="bank number")),
                ("bank_name", models.CharField(max_length=60, verbose_name="bank")),
                ("bank_kana", models.CharField(max_length=60, verbose_name="bank in kana")),
                ("branch_code", models.CharField(max_length=3, verbose_name="branch number")),
                ("branch_name", models.CharField(max_length=60, verbose_name="branch")),
                ("branch_kana", models.CharField(max_length=60, verbose_name="branch in kana")),
                (
                    "kind",
                    models.CharField(
                        choices=[("1", "ordinary"), ("2", "current"), ("4", "savings")],
                        default="1",
                        max_length=1,
                        verbose_name="account type",
                    ),
                ),
                ("number", microfund.kernel.crypto.EncryptedTextField(verbose_name="account number")),
                ("number_hash", models.CharField(db_index=True, editable=False, max_length=64)),
                ("holder", models.CharField(max_length=60, verbose_name="account holder in kana")),
                ("created_at", models.DateTimeField(verbose_name="given at")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="replaced at")),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_accounts",
                        to="investments.investor",
                        verbose_name="investor",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("investor",),
                        name="bank_account_one_current",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ended_at__isnull", True), ("ended_at__gte", models.F("created_at")), _connector="OR"
                        ),
                        name="bank_account_ends_after_it_began",
                    ),
                ],
                "verbose_name": "bank account of an investor",
                "verbose_name_plural": "bank accounts of investors",
            },
        ),
        migrations.CreateModel(
            name="Address",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("label", models.CharField(max_length=40, verbose_name="label")),
                ("address", microfund.kernel.crypto.EncryptedJSONField(default=dict, verbose_name="address")),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="addresses",
                        to="investments.investor",
                        verbose_name="investor",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("investor", "label"), name="address_label_once")],
                "verbose_name": "address",
                "verbose_name_plural": "addresses",
            },
        ),
        migrations.CreateModel(
            name="Line",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "side",
                    models.CharField(choices=[("D", "debit"), ("C", "credit")], max_length=1, verbose_name="side"),
                ),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("subject", models.CharField(blank=True, default="", max_length=40, verbose_name="belongs to")),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="investments.account",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="investments.entry",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="ledger_line_positive"),
                    models.CheckConstraint(condition=models.Q(("side__in", ["D", "C"])), name="ledger_line_side"),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("subject", ""), _negated=True),
                        fields=["subject"],
                        name="ledger_line_subject_idx",
                    )
                ],
                "verbose_name": "journal line",
                "verbose_name_plural": "journal lines",
            },
        ),
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
                ("end_prepared_at", models.DateTimeField(null=True, verbose_name="end prepared at")),
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
                    "end_maker",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="end prepared by",
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="ended by",
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
                "constraints": [
                    models.CheckConstraint(
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
                    models.CheckConstraint(
                        condition=models.Q(("from_on__lte", models.F("until_on"))), name="moratorium_dates"
                    ),
                    models.CheckConstraint(
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
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "ended"), _negated=True),
                            models.Q(
                                ("end_maker__isnull", False),
                                models.Q(("end_maker", models.F("ended_by")), _negated=True),
                                models.Q(("end_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="moratorium_ended_by_two",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("end_maker__isnull", True), ("end_prepared_at__isnull", True), ("end_reason", "")
                            ),
                            models.Q(
                                ("end_maker__isnull", False),
                                ("end_prepared_at__isnull", False),
                                models.Q(("end_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="moratorium_end_prepared",
                    ),
                ],
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
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="moratoria",
                        to="investments.fund",
                        verbose_name="fund",
                    ),
                ),
                (
                    "moratorium",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="funds",
                        to="investments.moratorium",
                        verbose_name="moratorium",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("moratorium", "fund"), name="moratorium_fund_once")],
                "verbose_name": "fund of a moratorium",
                "verbose_name_plural": "funds of moratoria",
            },
        ),
        migrations.CreateModel(
            name="Movement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("confirm", "confirmed"),
                            ("rescind", "rescinded"),
                            ("transfer", "transferred"),
                            ("inherit", "inherited"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("units", models.IntegerField(verbose_name="units")),
                ("source", models.CharField(max_length=60, verbose_name="source")),
                ("effective_on", models.DateField(verbose_name="effective on")),
                ("happened_at", models.DateTimeField(verbose_name="happened at")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                (
                    "holding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="movements", to="investments.holding"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "source", "holding"), name="movement_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("units", 0), _negated=True),
                            models.Q(models.Q(("kind", "confirm"), _negated=True), ("units__gt", 0), _connector="OR"),
                            models.Q(models.Q(("kind", "rescind"), _negated=True), ("units__lt", 0), _connector="OR"),
                        ),
                        name="movement_sign",
                    ),
                ],
                "verbose_name": "movement",
                "verbose_name_plural": "movements",
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reference", models.CharField(max_length=20, unique=True, verbose_name="reference")),
                ("payer_code", models.CharField(max_length=10, unique=True, verbose_name="payer code")),
                ("form_token", models.UUIDField(unique=True, verbose_name="form token")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("reserved", "reserved"),
                            ("awaiting_payment", "waiting for payment"),
                            ("paid", "paid"),
                            ("confirmed", "confirmed"),
                            ("expired", "expired"),
                            ("cancelled", "cancelled"),
                            ("failed", "fund not funded"),
                            ("refunded", "refunded"),
                        ],
                        default="reserved",
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("card", "card"),
                            ("konbini", "convenience store"),
                            ("bank_transfer", "bank transfer"),
                        ],
                        max_length=13,
                        verbose_name="way to pay",
                    ),
                ),
                ("units", models.PositiveIntegerField(verbose_name="units")),
                ("investment", models.BigIntegerField(verbose_name="investment")),
                ("donation", models.BigIntegerField(verbose_name="donation")),
                ("fee", models.BigIntegerField(verbose_name="fee")),
                ("total", models.BigIntegerField(verbose_name="total")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("language", models.CharField(default="en", max_length=8, verbose_name="language")),
                ("answers", models.JSONField(default=dict, verbose_name="answers")),
                ("supporter_name_shown", models.BooleanField(default=False, verbose_name="name shown")),
                ("supporter_message", models.CharField(blank=True, default="", max_length=200, verbose_name="message")),
                ("applied_at", models.DateTimeField(verbose_name="applied at")),
                ("counts_until", models.DateField(verbose_name="counts until")),
                ("counted", models.BooleanField(default=True, verbose_name="counted in the person's total")),
                ("reserved_until", models.DateTimeField(blank=True, null=True, verbose_name="reserved until")),
                ("extensions", models.PositiveSmallIntegerField(default=0, verbose_name="extensions")),
                ("paid_at", models.DateTimeField(blank=True, null=True, verbose_name="paid at")),
                (
                    "cooling_off_ends_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="cooling-off ends at (exclusive)"),
                ),
                (
                    "cleared_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="past cooling-off and identity"),
                ),
                ("confirmed_at", models.DateTimeField(blank=True, null=True, verbose_name="confirmed at")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                ("frozen_at", models.DateTimeField(blank=True, null=True, verbose_name="frozen by a dispute at")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="orders", to="investments.fund"
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="orders", to="investments.investor"
                    ),
                ),
                (
                    "payer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="paid_orders",
                        to="investments.investor",
                        verbose_name="payer",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("units__gt", 0)), name="order_units_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("donation__gte", 0),
                            ("fee__gte", 0),
                            ("investment__gt", 0),
                            (
                                "total",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("investment"), "+", models.F("donation")
                                    ),
                                    "+",
                                    models.F("fee"),
                                ),
                            ),
                        ),
                        name="order_total_is_its_parts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["paid", "confirmed"]), _negated=True),
                            models.Q(("cooling_off_ends_at__isnull", False), ("paid_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="order_paid_has_dates",
                    ),
                ],
                "indexes": [
                    models.Index(fields=["investor", "-applied_at"], name="order_investor_idx"),
                    models.Index(fields=["fund", "state"], name="order_fund_state_idx"),
                    models.Index(
                        condition=models.Q(("state__in", ["reserved", "awaiting_payment"])),
                        fields=["reserved_until"],
                        name="order_reserved_idx",
                    ),
                    models.Index(
                        condition=models.Q(("state", "paid")), fields=["cooling_off_ends_at"], name="order_cooling_idx"
                    ),
                    models.Index(
                        condition=models.Q(("counted", True)), fields=["counts_until"], name="order_counts_idx"
                    ),
                    models.Index(
                        condition=models.Q(("payer", models.F("investor")), _negated=True),
                        fields=["payer", "-applied_at"],
                        name="order_payer_idx",
                    ),
                ],
                "verbose_name": "order",
                "verbose_name_plural": "orders",
            },
        ),
        migrations.CreateModel(
            name="Gift",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "not accepted yet"),
                            ("declined", "declined"),
                            ("accepted", "accepted"),
                            ("kept", "kept by the giver"),
                        ],
                        default="open",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("receiver_name", microfund.kernel.crypto.EncryptedTextField(verbose_name="name of the receiver")),
                (
                    "receiver_email",
                    microfund.kernel.crypto.EncryptedTextField(
                        blank=True, default="", verbose_name="e-mail of the receiver"
                    ),
                ),
                ("message", microfund.kernel.crypto.EncryptedTextField(blank=True, default="", verbose_name="message")),
                ("language", models.CharField(default="en", max_length=8, verbose_name="language")),
                ("token", microfund.kernel.crypto.EncryptedTextField(verbose_name="token")),
                ("token_hash", models.CharField(max_length=64, unique=True, verbose_name="SHA-256 of the token")),
                ("sendings", models.PositiveSmallIntegerField(default=0, verbose_name="times sent")),
                ("sent_at", models.DateTimeField(blank=True, null=True, verbose_name="sent at")),
                ("reminded_at", models.DateTimeField(blank=True, null=True, verbose_name="giver reminded at")),
                (
                    "settled_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="accepted, declined or kept at"),
                ),
                ("answers", models.JSONField(default=dict, verbose_name="answers")),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                (
                    "order",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gift",
                        to="investments.order",
                        verbose_name="order",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state", "open"), ("settled_at__isnull", False), _connector="OR"),
                        name="gift_settled_has_instant",
                    )
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["open", "declined"])),
                        fields=["order"],
                        name="gift_awaits_idx",
                    )
                ],
                "verbose_name": "gift",
                "verbose_name_plural": "gifts",
            },
        ),
        migrations.CreateModel(
            name="Acceptance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("accepted_at", models.DateTimeField(verbose_name="accepted at")),
                ("ip", models.GenericIPAddressField(null=True, verbose_name="IP address")),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acceptances",
                        to="investments.document",
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acceptances",
                        to="investments.investor",
                        verbose_name="investor",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="acceptances", to="investments.order"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("order", "investor", "document"), name="acceptance_once")
                ],
                "verbose_name": "acceptance",
                "verbose_name_plural": "acceptances",
            },
        ),
        migrations.CreateModel(
            name="OutgoingTransfer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("target", models.CharField(db_index=True, max_length=60, verbose_name="for")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("currency", models.CharField(default="JPY", max_length=3, verbose_name="currency")),
                ("payee", microfund.kernel.crypto.EncryptedJSONField(verbose_name="payee's account")),
                ("transferred_on", models.DateField(null=True, verbose_name="transfer date")),
                (
                    "bank_reference",
                    models.CharField(blank=True, default="", max_length=60, verbose_name="bank's reference"),
                ),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                ("approved_at", models.DateTimeField(null=True, verbose_name="approved at")),
                ("prepared_at", models.DateTimeField(verbose_name="prepared at")),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("prepared", "waits for approval"),
                            ("approved", "to be made at the bank"),
                            ("sent", "sent"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="prepared",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("file", microfund.kernel.crypto.EncryptedTextField(blank=True, default="", verbose_name="bank file")),
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
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="outgoing_transfer_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["prepared", "withdrawn"]),
                            models.Q(
                                ("checker__isnull", False), models.Q(("checker", models.F("maker")), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="outgoing_transfer_two_people",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "sent"), _negated=True),
                            models.Q(
                                ("transferred_on__isnull", False), models.Q(("bank_reference", ""), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="outgoing_transfer_sent",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["prepared", "approved"])),
                        fields=("target",),
                        name="outgoing_transfer_one_under_way",
                    ),
                ],
                "verbose_name": "outgoing transfer",
                "verbose_name_plural": "outgoing transfers",
            },
        ),
        migrations.CreateModel(
            name="PaymentAttempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("card", "card"),
                            ("konbini", "convenience store"),
                            ("bank_transfer", "bank transfer"),
                        ],
                        max_length=13,
                        verbose_name="way to pay",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("created", "created"),
                            ("open", "open"),
                            ("processing", "being processed"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("expired", "expired"),
                            ("mismatch", "does not match"),
                            ("reviewed", "did not match, seen to"),
                        ],
                        default="created",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "session_id",
                    models.CharField(blank=True, max_length=120, null=True, unique=True, verbose_name="session"),
                ),
                (
                    "intent_id",
                    models.CharField(blank=True, max_length=120, null=True, unique=True, verbose_name="payment intent"),
                ),
                ("url", models.TextField(blank=True, default="", verbose_name="payment page")),
                ("session_expires_at", models.DateTimeField(blank=True, null=True, verbose_name="session expires at")),
                ("pay_by", models.DateTimeField(blank=True, null=True, verbose_name="pay by")),
                ("captured", models.BigIntegerField(default=0, verbose_name="captured")),
                ("problem", models.TextField(blank=True, default="", verbose_name="problem")),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                ("called_at", models.DateTimeField(blank=True, null=True, verbose_name="first called at")),
                ("resolved_at", models.DateTimeField(blank=True, null=True, verbose_name="resolved at")),
                ("next_check_at", models.DateTimeField(blank=True, null=True, verbose_name="next check at")),
                ("checks", models.PositiveIntegerField(default=0, verbose_name="checks")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                ("payer_kana", models.CharField(max_length=120, verbose_name="payer in kana")),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="attempts", to="investments.order"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["created", "open", "processing"])),
                        fields=("order",),
                        name="attempt_one_unresolved",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0), ("captured__gte", 0)), name="attempt_amounts"
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["created", "open", "processing"])),
                        fields=["next_check_at"],
                        name="attempt_due_idx",
                    ),
                    models.Index(
                        condition=models.Q(("state__in", ["mismatch", "reviewed"])),
                        fields=["next_check_at"],
                        name="attempt_mismatch_idx",
                    ),
                ],
                "verbose_name": "payment attempt",
                "verbose_name_plural": "payment attempts",
            },
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider_id", models.CharField(max_length=120, unique=True, verbose_name="provider's dispute")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("inquiry", "inquiry"),
                            ("closed", "inquiry closed"),
                            ("open", "open"),
                            ("won", "won"),
                            ("lost", "lost"),
                        ],
                        default="inquiry",
                        max_length=7,
                        verbose_name="state",
                    ),
                ),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("fee", models.BigIntegerField(default=0, verbose_name="provider's fee")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("evidence_due_at", models.DateTimeField(blank=True, null=True, verbose_name="evidence due")),
                ("opened_at", models.DateTimeField(verbose_name="opened at")),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed at")),
                ("needs_decision", models.BooleanField(default=False, verbose_name="staff decide on the units")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                (
                    "decision",
                    models.CharField(
                        blank=True,
                        choices=[("kept", "units kept"), ("rescinded", "units ended")],
                        db_default="",
                        default="",
                        max_length=9,
                        verbose_name="decision",
                    ),
                ),
                ("from_order", models.BigIntegerField(db_default=0, default=0, verbose_name="taken from the order")),
                (
                    "from_refunds",
                    models.BigIntegerField(db_default=0, default=0, verbose_name="taken from refunds that were owed"),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="disputes", to="investments.order"
                    ),
                ),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disputes",
                        to="investments.paymentattempt",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0), ("fee__gte", 0)), name="dispute_amounts"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "amount__gte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("from_order"), "+", models.F("from_refunds")
                                ),
                            ),
                            ("from_order__gte", 0),
                            ("from_refunds__gte", 0),
                        ),
                        name="dispute_taken_from",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("needs_decision", False), models.Q(("decision", ""), ("state", "lost")), _connector="OR"
                        ),
                        name="dispute_decision_is_of_a_loss",
                    ),
                ],
                "verbose_name": "dispute",
                "verbose_name_plural": "disputes",
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
                    "returned",
                    models.BigIntegerField(db_default=0, default=0, verbose_name="of vouchers that were not used"),
                ),
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
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "gross",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("principal"), "+", models.F("profit")
                                ),
                            ),
                            (
                                "net",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("gross"), "-", models.F("tax")
                                    ),
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
                    )
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["waiting", "returned"])),
                        fields=["fund", "investor"],
                        name="payout_waiting_idx",
                    )
                ],
                "verbose_name": "payout",
                "verbose_name_plural": "payouts",
            },
        ),
        migrations.CreateModel(
            name="ElectedReturn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("happened_at", models.DateTimeField(verbose_name="happened at")),
                ("released_at", models.DateTimeField(null=True, verbose_name="released at")),
                ("set_aside_at", models.DateTimeField(null=True, verbose_name="set aside at")),
                (
                    "distribution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="elected_returns",
                        to="investments.distribution",
                        verbose_name="distribution",
                    ),
                ),
                (
                    "line",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="came_back",
                        to="investments.electedline",
                        verbose_name="line",
                    ),
                ),
                (
                    "payout",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="came_back",
                        to="investments.payout",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount__gte", 0),
                            models.Q(("payout__isnull", True), ("released_at__isnull", False), _connector="OR"),
                            models.Q(("released_at__isnull", True), ("amount__gt", 0), _connector="OR"),
                        ),
                        name="elected_return_steps",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("set_aside_at__isnull", True),
                            models.Q(("payout__isnull", True), ("released_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="elected_return_set_aside",
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("amount__gt", 0), ("payout__isnull", True)),
                        fields=["distribution"],
                        name="elected_return_open_idx",
                    )
                ],
                "verbose_name": "amount back in cash",
                "verbose_name_plural": "amounts back in cash",
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
                "constraints": [
                    models.UniqueConstraint(fields=("allocation", "instalment"), name="payout_item_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "gross",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("principal"), "+", models.F("profit")
                                ),
                            ),
                            (
                                "net",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("gross"), "-", models.F("tax")
                                ),
                            ),
                            ("tax__gte", 0),
                        ),
                        name="payout_item_sums",
                    ),
                ],
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
                "constraints": [
                    models.CheckConstraint(
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
                    models.CheckConstraint(condition=models.Q(("amount__gte", 0)), name="payout_run_not_negative"),
                ],
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
                "constraints": [models.UniqueConstraint(fields=("run", "number"), name="payout_file_once")],
                "verbose_name": "bank file",
                "verbose_name_plural": "bank files",
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
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attempts",
                        to="investments.payoutrun",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["in_run", "sent", "paid"])),
                        fields=("payout",),
                        name="payout_attempt_one_live",
                    ),
                    models.UniqueConstraint(fields=("payout", "number"), name="payout_attempt_once"),
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="payout_attempt_positive"),
                ],
                "indexes": [models.Index(fields=["run", "state"], name="payout_attempt_run_idx")],
                "verbose_name": "attempt of a payout",
                "verbose_name_plural": "attempts of payouts",
            },
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
            name="Period",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(verbose_name="number")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("scheduled", "scheduled"),
                            ("report_due", "report due"),
                            ("reported", "reported"),
                            ("accepted", "accepted"),
                            ("calculated", "calculated"),
                            ("approved", "approved"),
                            ("funded", "funded"),
                            ("paying", "being paid"),
                            ("paid", "paid"),
                            ("wound_up", "wound up"),
                        ],
                        default="scheduled",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("starts_on", models.DateField(verbose_name="starts on")),
                ("ends_on", models.DateField(verbose_name="ends on")),
                ("record_on", models.DateField(verbose_name="record date")),
                ("report_due_on", models.DateField(verbose_name="report due on")),
                ("payment_due_on", models.DateField(verbose_name="payment due on")),
                (
                    "relief",
                    models.CharField(
                        blank=True, db_default="", default="", max_length=6, verbose_name="put off or waived"
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="periods", to="investments.fund"
                    ),
                ),
                (
                    "moratorium",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="periods",
                        to="investments.moratorium",
                        verbose_name="moratorium",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("fund", "number"), name="period_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends_on__lt", models.F("report_due_on")),
                            ("report_due_on__lt", models.F("payment_due_on")),
                            ("starts_on__lt", models.F("ends_on")),
                        ),
                        name="period_dates_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("moratorium__isnull", True), ("relief", "")),
                            models.Q(("moratorium__isnull", False), ("relief__in", ["defer", "waive"])),
                            _connector="OR",
                        ),
                        name="period_relief",
                    ),
                ],
                "indexes": [models.Index(fields=["state", "report_due_on"], name="period_report_due_idx")],
                "verbose_name": "period",
                "verbose_name_plural": "periods",
            },
        ),
        migrations.AddField(
            model_name="distribution",
            name="period",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="distributions",
                to="investments.period",
                verbose_name="period",
            ),
        ),
        migrations.CreateModel(
            name="PersonBusiness",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("invested", models.BigIntegerField(default=0, verbose_name="invested")),
                (
                    "business",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="businesses.business"
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="investments.investor"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("investor", "business"), name="person_business_once"),
                    models.CheckConstraint(condition=models.Q(("invested__gte", 0)), name="person_business_positive"),
                ],
                "verbose_name": "person's total in a business",
                "verbose_name_plural": "persons' totals in businesses",
            },
        ),
        migrations.CreateModel(
            name="PersonFund",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("units", models.IntegerField(default=0, verbose_name="units")),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="investments.fund"
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="investments.investor"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("investor", "fund"), name="person_fund_once"),
                    models.CheckConstraint(condition=models.Q(("units__gte", 0)), name="person_fund_positive"),
                ],
                "verbose_name": "person's units in a fund",
                "verbose_name_plural": "persons' units in funds",
            },
        ),
        migrations.CreateModel(
            name="PolicyProfile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField(unique=True, verbose_name="version")),
                ("effective_from", models.DateField(verbose_name="effective from")),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                (
                    "units_per_order",
                    models.PositiveIntegerField(
                        default=49,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="units per order",
                    ),
                ),
                (
                    "units_per_person",
                    models.PositiveIntegerField(
                        default=49,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="units per person and fund",
                    ),
                ),
                (
                    "investment_per_person_business",
                    models.BigIntegerField(
                        default=500000,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(500000),
                        ],
                        verbose_name="investment of one person in one business over 12 months (yen)",
                    ),
                ),
                (
                    "investment_per_business",
                    models.BigIntegerField(
                        default=99999999,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(99999999),
                        ],
                        verbose_name="investment offered by one business in funds opened within 12 months (yen)",
                    ),
                ),
                ("unequal_halves_allowed", models.BooleanField(default=False, verbose_name="unequal halves allowed")),
                (
                    "cooling_off_days",
                    models.PositiveSmallIntegerField(
                        default=8,
                        validators=[django.core.validators.MinValueValidator(8)],
                        verbose_name="cooling-off days",
                    ),
                ),
                (
                    "report_due_days",
                    models.PositiveSmallIntegerField(
                        default=90,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="report due, days after a period",
                    ),
                ),
                (
                    "payment_due_days",
                    models.PositiveSmallIntegerField(default=120, verbose_name="payment due, days after a period"),
                ),
                (
                    "minimum_age",
                    models.PositiveSmallIntegerField(
                        default=18,
                        validators=[django.core.validators.MinValueValidator(18)],
                        verbose_name="minimum age",
                    ),
                ),
                (
                    "reservation_minutes",
                    models.PositiveSmallIntegerField(default=35, verbose_name="reservation (minutes)"),
                ),
                (
                    "session_minutes",
                    models.PositiveSmallIntegerField(
                        default=31,
                        validators=[
                            django.core.validators.MinValueValidator(31),
                            django.core.validators.MaxValueValidator(1439),
                        ],
                        verbose_name="checkout session (minutes)",
                    ),
                ),
                (
                    "reservation_extensions",
                    models.PositiveSmallIntegerField(
                        default=3,
                        validators=[django.core.validators.MaxValueValidator(3)],
                        verbose_name="extensions of a reservation",
                    ),
                ),
                (
                    "identity_deadline_days",
                    models.PositiveSmallIntegerField(
                        default=14,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="identity deadline, days after closing",
                    ),
                ),
                (
                    "bank_transfer_days",
                    models.PositiveSmallIntegerField(
                        default=5,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="bank transfer (bank days)",
                    ),
                ),
                (
                    "konbini_days",
                    models.PositiveSmallIntegerField(
                        default=2,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(60),
                        ],
                        verbose_name="konbini (days)",
                    ),
                ),
                (
                    "konbini_maximum",
                    models.BigIntegerField(
                        default=300000,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(300000),
                        ],
                        verbose_name="konbini maximum (yen)",
                    ),
                ),
                (
                    "delayed_share_percent",
                    models.PositiveSmallIntegerField(
                        default=20,
                        validators=[django.core.validators.MaxValueValidator(100)],
                        verbose_name="share of units that delayed methods may hold (%)",
                    ),
                ),
                (
                    "payment_methods",
                    models.JSONField(
                        default=dict,
                        validators=[investments.policy.methods.validate_methods],
                        verbose_name="payment methods and legal opinions",
                    ),
                ),
                (
                    "payout_minimum",
                    models.BigIntegerField(
                        default=1000,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="payout minimum (yen)",
                    ),
                ),
                (
                    "offering_days_maximum",
                    models.PositiveSmallIntegerField(
                        default=150,
                        validators=[django.core.validators.MaxValueValidator(150)],
                        verbose_name="offering + cooling-off, at most (days)",
                    ),
                ),
                (
                    "zone",
                    models.CharField(
                        default="Asia/Tokyo",
                        max_length=40,
                        validators=[investments.policy.methods.validate_zone],
                        verbose_name="business time zone",
                    ),
                ),
            ],
            options={
                "verbose_name": "policy profile",
                "verbose_name_plural": "policy profiles",
                "ordering": ["-version"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("delayed_share_percent__lte", 100),
                            ("investment_per_business__range", (1, 99999999)),
                            ("investment_per_person_business__range", (1, 500000)),
                            ("minimum_age__gte", 18),
                            ("payout_minimum__gte", 0),
                            ("units_per_order__gte", 1),
                            ("units_per_person__gte", 1),
                        ),
                        name="policy_limits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cooling_off_days__gte", 8),
                            ("identity_deadline_days__gte", 1),
                            ("offering_days_maximum__gt", models.F("cooling_off_days")),
                            ("offering_days_maximum__lte", 150),
                        ),
                        name="policy_cooling_off",
                        violation_error_message="The offering must leave a day before cooling-off.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("payment_due_days__gte", models.F("report_due_days")), ("report_due_days__gte", 1)
                        ),
                        name="policy_report_before_payment",
                        violation_error_message="A payment cannot be due before the report that it follows.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("reservation_extensions__lte", 3),
                            ("reservation_minutes__gt", models.F("session_minutes")),
                            ("session_minutes__range", (31, 1439)),
                        ),
                        name="policy_session_in_reservation",
                        violation_error_message="A reservation must be longer than the checkout session that it waits for.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("bank_transfer_days__gte", 1),
                            ("konbini_days__range", (1, 60)),
                            ("konbini_maximum__range", (1, 300000)),
                        ),
                        name="policy_delayed_methods",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="fund",
            name="policy",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="funds",
                to="investments.policyprofile",
            ),
        ),
        migrations.CreateModel(
            name="ProviderPayout",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider_id", models.CharField(max_length=120, unique=True, verbose_name="provider's payout")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("fees", models.BigIntegerField(verbose_name="fees")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("arrived_on", models.DateField(verbose_name="arrived on")),
                ("by_fund", models.JSONField(default=dict, verbose_name="gross by fund")),
                ("unmatched", models.JSONField(default=list, verbose_name="not ours")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                (
                    "difference",
                    models.BigIntegerField(db_default=0, default=0, verbose_name="not explained by its lines"),
                ),
                ("own", models.BigIntegerField(db_default=0, default=0, verbose_name="the operator's own")),
                ("reviewed_at", models.DateTimeField(blank=True, null=True, verbose_name="looked at")),
                (
                    "state",
                    models.CharField(
                        choices=[("paid", "paid"), ("failed", "failed")],
                        db_default="paid",
                        default="paid",
                        max_length=6,
                        verbose_name="state",
                    ),
                ),
            ],
            options={
                "verbose_name": "provider's payout",
                "verbose_name_plural": "provider's payouts",
                "constraints": [models.CheckConstraint(condition=models.Q(("fees__gte", 0)), name="payout_fees")],
            },
        ),
        migrations.CreateModel(
            name="ReceiptUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "purpose",
                    models.CharField(
                        choices=[("applied", "applied"), ("sent_back", "sent back")],
                        max_length=10,
                        verbose_name="purpose",
                    ),
                ),
                ("target", models.CharField(max_length=60, verbose_name="target")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("happened_at", models.DateTimeField(verbose_name="happened at")),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="reason")),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="receipt_use_positive")
                ],
                "verbose_name": "use of a receipt",
                "verbose_name_plural": "uses of receipts",
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
                    "attempt",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_return",
                        to="investments.payoutattempt",
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
            ],
            options={
                "verbose_name": "returned transfer",
                "verbose_name_plural": "returned transfers",
            },
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "requested"),
                            ("requires_action", "waits for the payer"),
                            ("pending", "on its way"),
                            ("succeeded", "done"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                            ("paid_by_bank", "paid by bank"),
                            ("charged_back", "taken back by the payer's bank"),
                        ],
                        default="requested",
                        max_length=15,
                        verbose_name="state",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("cooling_off", "cancelled in cooling-off"),
                            ("fund_failed", "fund not funded"),
                            ("identity", "identity not verified in time"),
                            ("late", "money came too late"),
                            ("duplicate", "paid twice"),
                            ("staff", "decided by staff"),
                            ("gift", "gift not accepted in time"),
                            ("external", "made at the provider"),
                        ],
                        max_length=12,
                        verbose_name="reason",
                    ),
                ),
                ("by_bank", models.BooleanField(default=False, verbose_name="by bank")),
                (
                    "provider_id",
                    models.CharField(
                        blank=True, max_length=120, null=True, unique=True, verbose_name="provider's refund"
                    ),
                ),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                ("called_at", models.DateTimeField(blank=True, null=True, verbose_name="first called at")),
                ("settled_at", models.DateTimeField(blank=True, null=True, verbose_name="settled at")),
                ("next_check_at", models.DateTimeField(blank=True, null=True, verbose_name="next check at")),
                ("checks", models.PositiveIntegerField(default=0, verbose_name="checks")),
                ("problem", models.TextField(blank=True, default="", verbose_name="problem")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                ("occurrence", models.PositiveSmallIntegerField(db_default=1, default=1, verbose_name="occurrence")),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="investments.paymentattempt",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="refunds", to="investments.order"
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "split_from",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rests",
                        to="investments.refund",
                        verbose_name="rest of refund",
                    ),
                ),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="refund_positive")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_check_at__isnull", False)),
                        fields=["next_check_at"],
                        name="refund_check_idx",
                    )
                ],
                "verbose_name": "refund",
                "verbose_name_plural": "refunds",
            },
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
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="release_positive"),
                    models.UniqueConstraint(
                        condition=models.Q(("released_on__isnull", True), ("withdrawn_at__isnull", True)),
                        fields=("fund", "part"),
                        name="release_one_under_way",
                    ),
                ],
                "verbose_name": "release to a business",
                "verbose_name_plural": "releases to businesses",
            },
        ),
        migrations.CreateModel(
            name="Resemblance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("by_person", models.BooleanField(default=False, verbose_name="same name and birth date")),
                ("by_phone", models.BooleanField(default=False, verbose_name="same phone")),
                ("by_account", models.BooleanField(default=False, verbose_name="same bank account")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "to be looked at"),
                            ("different", "different people"),
                            ("same", "the same person"),
                        ],
                        db_index=True,
                        default="open",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("found_at", models.DateTimeField(verbose_name="found at")),
                ("decided_at", models.DateTimeField(blank=True, null=True, verbose_name="decided at")),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by",
                    ),
                ),
                (
                    "first",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="investments.investor",
                        verbose_name="first investor",
                    ),
                ),
                (
                    "second",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="investments.investor",
                        verbose_name="second investor",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("first", "second"), name="resemblance_one_of_a_pair"),
                    models.CheckConstraint(
                        condition=models.Q(("first__lt", models.F("second"))), name="resemblance_in_order"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("by_person", True), ("by_phone", True), ("by_account", True), _connector="OR"
                        ),
                        name="resemblance_has_a_reason",
                    ),
                ],
                "verbose_name": "resemblance",
                "verbose_name_plural": "resemblances",
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
                (
                    "distribution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="retaxes",
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
                "constraints": [
                    models.UniqueConstraint(fields=("distribution", "number"), name="retax_once"),
                    models.CheckConstraint(
                        condition=models.Q(("net__gte", 0), ("tax__gte", 0)), name="retax_not_negative"
                    ),
                ],
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
                (
                    "allocation",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="retaxed",
                        to="investments.allocation",
                    ),
                ),
                (
                    "retax",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="investments.retax",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("retax", "allocation"), name="retaxed_allocation_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("from_per_unit__gte", 0),
                            ("rate__gte", 0),
                            ("rate__lte", 1),
                            ("taken__gte", 0),
                            ("tax__gte", models.F("taken")),
                        ),
                        name="retaxed_allocation_sums",
                    ),
                ],
                "verbose_name": "line taxed again",
                "verbose_name_plural": "lines taxed again",
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
                "constraints": [
                    models.UniqueConstraint(fields=("period", "version"), name="report_version_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["draft", "submitted"])),
                        fields=("period",),
                        name="report_one_open",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("restatement", False), ("state", "accepted")),
                        fields=("period",),
                        name="report_accepted_once",
                    ),
                    models.CheckConstraint(condition=models.Q(("revenue__gte", 0)), name="report_not_negative"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["draft", "discarded"]),
                            models.Q(("submitted_at__isnull", False), ("submitted_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="report_signed",
                    ),
                    models.CheckConstraint(
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
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("action", "report"), ("restatement", False)),
                            models.Q(("reason", ""), _negated=True),
                            ("state", "draft"),
                            _connector="OR",
                        ),
                        name="report_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("restatement", False), ("action", "report"), _connector="OR"),
                        name="report_restates_figure",
                    ),
                ],
                "indexes": [models.Index(fields=["state", "submitted_at"], name="report_state_idx")],
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
                "constraints": [models.UniqueConstraint(fields=("report", "sha256"), name="evidence_once")],
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
            name="StatementFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(max_length=64, unique=True, verbose_name="SHA-256")),
                (
                    "format",
                    models.CharField(
                        choices=[("csv", "CSV"), ("zengin", "Zengin")], max_length=10, verbose_name="format"
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="file name")),
                ("rows", models.PositiveIntegerField(verbose_name="rows")),
                ("imported_at", models.DateTimeField(verbose_name="imported at")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                ("problems", models.JSONField(blank=True, default=list, verbose_name="for a person to look at")),
                (
                    "imported_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "bank statement",
                "verbose_name_plural": "bank statements",
            },
        ),
        migrations.CreateModel(
            name="StatementLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("row", models.PositiveIntegerField(verbose_name="row")),
                ("bank_key", models.CharField(max_length=80, unique=True, verbose_name="bank's key")),
                ("booked_on", models.DateField(verbose_name="date")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("remaining", models.BigIntegerField(verbose_name="not yet allocated")),
                ("currency", models.CharField(default="JPY", max_length=3, verbose_name="currency")),
                ("payer_name", models.CharField(max_length=120, verbose_name="payer")),
                ("payer_code", models.CharField(blank=True, db_index=True, max_length=20, verbose_name="payer code")),
                ("memo", models.CharField(blank=True, max_length=200, verbose_name="memo")),
                (
                    "problem",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("unknown", "unknown payer code"),
                            ("short", "too little"),
                            ("over", "too much"),
                            ("twice", "paid twice"),
                            ("late", "after the deadline"),
                        ],
                        default="",
                        max_length=12,
                        verbose_name="why it waits",
                    ),
                ),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                ("bank_rows", models.JSONField(default=dict, verbose_name="bank's own numbers")),
                ("provider_payout", models.BooleanField(default=False, verbose_name="provider's payout")),
                ("held", models.BigIntegerField(default=0, verbose_name="held to be sent back")),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="investments.statementfile",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("file", "row"), name="statement_line_once"),
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="statement_line_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("remaining__gte", 0), ("remaining__lte", models.F("amount"))),
                        name="statement_line_remaining",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("provider_payout", False), ("remaining", 0), _connector="OR"),
                        name="statement_line_payout",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("held__gte", 0), ("held__lte", models.F("remaining"))),
                        name="statement_line_held",
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("remaining__gt", 0)), fields=["booked_on"], name="statement_line_open_idx"
                    ),
                    models.Index(fields=["booked_on"], name="statement_line_day_idx"),
                ],
                "verbose_name": "bank receipt",
                "verbose_name_plural": "bank receipts",
            },
        ),
        migrations.AddField(
            model_name="receiptuse",
            name="line",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="uses", to="investments.statementline"
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
                "constraints": [
                    models.UniqueConstraint(fields=("fund", "month"), name="tax_payment_once"),
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="tax_payment_positive"),
                ],
                "verbose_name": "withheld tax of a month",
                "verbose_name_plural": "withheld tax by month",
            },
        ),
        migrations.CreateModel(
            name="TaxRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("withholding", "withholding"), ("consumption", "consumption tax")],
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                ("payee_class", models.CharField(blank=True, default="", max_length=20, verbose_name="class of payee")),
                ("valid_from", models.DateField(verbose_name="valid from")),
                (
                    "rate",
                    models.DecimalField(
                        decimal_places=4,
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0")),
                            django.core.validators.MaxValueValidator(Decimal("1")),
                        ],
                        verbose_name="rate",
                    ),
                ),
            ],
            options={
                "verbose_name": "tax rate",
                "verbose_name_plural": "tax rates",
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "payee_class", "valid_from"), name="tax_rate_once"),
                    models.CheckConstraint(
                        condition=models.Q(("rate__gte", 0), ("rate__lte", 1)), name="tax_rate_range"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Terms",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField(default=1, verbose_name="version")),
                (
                    "reason",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="reason of this version"),
                ),
                ("investment", models.BigIntegerField(default=5000, verbose_name="investment per unit")),
                ("donation", models.BigIntegerField(default=5000, verbose_name="donation per unit")),
                ("fee", models.BigIntegerField(default=500, verbose_name="fee per unit, tax included")),
                ("units_offered", models.PositiveIntegerField(verbose_name="units offered")),
                (
                    "rate_before_recoup",
                    models.DecimalField(decimal_places=4, max_digits=5, verbose_name="rate before recoup"),
                ),
                (
                    "rate_after_recoup",
                    models.DecimalField(decimal_places=4, max_digits=5, verbose_name="rate after recoup"),
                ),
                ("grace_periods", models.PositiveSmallIntegerField(default=0, verbose_name="grace periods")),
                ("periods", models.PositiveSmallIntegerField(default=10, verbose_name="periods")),
                (
                    "period_months",
                    models.PositiveSmallIntegerField(
                        choices=[(3, "3"), (6, "6"), (12, "12")], default=12, verbose_name="months of a period"
                    ),
                ),
                ("period_cap", models.JSONField(blank=True, null=True, verbose_name="cap by period")),
                ("revenue_floor", models.BigIntegerField(default=0, verbose_name="revenue floor")),
                (
                    "revenue_basis_en",
                    models.CharField(
                        default="All sales of the business", max_length=200, verbose_name="revenue basis (English)"
                    ),
                ),
                (
                    "revenue_basis_ja",
                    models.CharField(default="事業者の全売上", max_length=200, verbose_name="revenue basis (Japanese)"),
                ),
                ("plan_revenue", models.JSONField(default=list, verbose_name="planned revenue by period")),
                ("uses", models.JSONField(default=list, verbose_name="use of funds")),
                ("risks", models.JSONField(default=list, verbose_name="risks")),
                ("frozen_at", models.DateTimeField(blank=True, null=True, verbose_name="frozen at")),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="terms", to="investments.fund"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("fund", "version"), name="terms_version_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("donation__gte", 0),
                            ("fee__gte", 0),
                            ("investment__gt", 0),
                            ("periods__gt", 0),
                            ("units_offered__gt", 0),
                        ),
                        name="terms_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("rate_after_recoup__gte", 0),
                            ("rate_after_recoup__lte", 1),
                            ("rate_before_recoup__gt", 0),
                            ("rate_before_recoup__lte", 1),
                        ),
                        name="terms_rates",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("grace_periods__lt", models.F("periods"))), name="terms_grace"
                    ),
                    models.CheckConstraint(condition=models.Q(("period_months__in", [3, 6, 12])), name="terms_months"),
                ],
                "verbose_name": "terms",
                "verbose_name_plural": "terms",
            },
        ),
        migrations.AddField(
            model_name="order",
            name="terms",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="orders", to="investments.terms"
            ),
        ),
        migrations.AddField(
            model_name="document",
            name="terms",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="documents", to="investments.terms"
            ),
        ),
        migrations.AddField(
            model_name="distribution",
            name="terms",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="investments.terms",
                verbose_name="terms",
            ),
        ),
        migrations.CreateModel(
            name="UnclaimedPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("net", models.BigIntegerField(verbose_name="net")),
                ("set_aside_at", models.DateTimeField(verbose_name="set aside at")),
                ("claimed_at", models.DateTimeField(null=True, verbose_name="claimed at")),
                (
                    "allocation",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="unclaimed",
                        to="investments.allocation",
                        verbose_name="allocation",
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="investments.fund",
                        verbose_name="fund",
                    ),
                ),
                (
                    "instalment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="investments.instalment",
                        verbose_name="instalment",
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="investments.investor",
                        verbose_name="investor",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("claimed_at__isnull", True)),
                        fields=("allocation", "instalment"),
                        name="unclaimed_part_once",
                    ),
                    models.CheckConstraint(condition=models.Q(("net__gt", 0)), name="unclaimed_part_positive"),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("claimed_at__isnull", True)),
                        fields=["investor", "fund"],
                        name="unclaimed_part_open_idx",
                    )
                ],
                "verbose_name": "unclaimed part",
                "verbose_name_plural": "unclaimed parts",
            },
        ),
        migrations.CreateModel(
            name="WaitingEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("asked_at", models.DateTimeField(verbose_name="asked at")),
                ("told_at", models.DateTimeField(null=True, verbose_name="told at")),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waiting_entries",
                        to="investments.fund",
                        verbose_name="fund",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("fund", "user"), name="waiting_once")],
                "indexes": [
                    models.Index(condition=models.Q(("told_at", None)), fields=["fund"], name="waiting_untold_idx")
                ],
                "verbose_name": "waiting list entry",
                "verbose_name_plural": "waiting list",
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event_id", models.CharField(max_length=120, unique=True, verbose_name="event")),
                ("kind", models.CharField(max_length=80, verbose_name="kind")),
                ("object_id", models.CharField(blank=True, max_length=120, verbose_name="object")),
                ("body", models.TextField(verbose_name="body")),
                ("livemode", models.BooleanField(verbose_name="live mode")),
                (
                    "state",
                    models.CharField(
                        choices=[("new", "new"), ("done", "done"), ("ignored", "not for us"), ("failed", "failed")],
                        default="new",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                ("error", models.TextField(blank=True, default="", verbose_name="error")),
                ("received_at", models.DateTimeField(verbose_name="received at")),
                (
                    "next_try_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="next try at"
                    ),
                ),
                ("processed_at", models.DateTimeField(blank=True, null=True, verbose_name="processed at")),
            ],
            options={
                "verbose_name": "webhook",
                "verbose_name_plural": "webhook inbox",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["new", "failed"])),
                        fields=["next_try_at"],
                        name="webhook_due_idx",
                    )
                ],
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
                        related_name="write_offs",
                        to="investments.distribution",
                        verbose_name="distribution",
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
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "withdrawn"), _negated=True),
                        fields=("distribution",),
                        name="write_off_once",
                    ),
                    models.CheckConstraint(
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
                    models.CheckConstraint(
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
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "amount",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("net"), "+", models.F("tax")
                                    ),
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
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("credit_left__gt", 0)), fields=["distribution"], name="write_off_credit_idx"
                    )
                ],
                "verbose_name": "write-off",
                "verbose_name_plural": "write-offs",
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
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pay_in",
                        to="investments.receiptuse",
                    ),
                ),
                (
                    "credit",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="uses",
                        to="investments.writeoff",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="pay_in_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("credit__isnull", True), ("use__isnull", False)),
                            models.Q(("credit__isnull", False), ("use__isnull", True)),
                            _connector="OR",
                        ),
                        name="pay_in_of_one_source",
                    ),
                ],
                "verbose_name": "payment of a business",
                "verbose_name_plural": "payments of businesses",
            },
        ),
        migrations.AddIndex(
            model_name="election",
            index=models.Index(fields=["holding", "-made_at", "-id"], name="election_newest_idx"),
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.UniqueConstraint(fields=("distribution", "holding"), name="allocation_once"),
        ),
        migrations.AddConstraint(
            model_name="identitycase",
            constraint=models.UniqueConstraint(
                condition=models.Q(("decided_at__isnull", True)), fields=("investor",), name="identity_case_one_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="holding",
            constraint=models.UniqueConstraint(fields=("investor", "fund"), name="holding_once"),
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
            model_name="fund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["draft", "in_review", "scheduled"]),
                    models.Q(("book__isnull", False), ("policy__isnull", False)),
                    _connector="OR",
                ),
                name="fund_open_has_book",
            ),
        ),
        migrations.AddConstraint(
            model_name="receiptuse",
            constraint=models.UniqueConstraint(fields=("line", "purpose", "target"), name="receipt_use_once"),
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.UniqueConstraint(fields=("terms", "kind", "language"), name="document_once"),
        ),
        migrations.AddConstraint(
            model_name="distribution",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "discarded"), _negated=True),
                fields=("period", "supplement"),
                name="distribution_once",
            ),
        ),
        run_sql_file(__file__, "ledger"),
        run_sql_file(__file__, "outgoing"),
        run_sql_file(__file__, "rules"),
        run_sql_file(__file__, "distributions"),
        run_sql_file(__file__, "place_order"),
        run_sql_file(__file__, "place_order_for_another", instead_of="place_order"),
        run_sql_file(__file__, "inheritance"),
        run_sql_file(__file__, "after_approval"),
        run_sql_file(__file__, "bigint_sum"),
        run_sql_file(__file__, "elections"),
        run_sql_file(__file__, "returns_set_aside"),
    ]
