"""What the first 8 migrations build, at once: a new database is ready in seconds."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import microfund.kernel.crypto
from microfund.kernel.sql import run_sql_file


class Migration(migrations.Migration):
    replaces = [
        ("rewards", "0001_initial"),
        ("rewards", "0002_cycles"),
        ("rewards", "0003_letters"),
        ("rewards", "0004_visits"),
        ("rewards", "0005_settled_otherwise"),
        ("rewards", "0006_parcels_files_and_losses"),
        ("rewards", "0007_vouchers_in_kind"),
        ("rewards", "0008_seasons_between_two_days"),
    ]

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("audit", "0002_triggers"),
        ("businesses", "0001_squashed_0007_story_milestones_spending"),
        ("investments", "0001_squashed_0023_returns_set_aside"),
    ]

    operations = [
        migrations.CreateModel(
            name="Cycle",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(verbose_name="number")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "open"), ("closed", "closed")],
                        default="open",
                        max_length=6,
                        verbose_name="state",
                    ),
                ),
                ("record_on", models.DateField(verbose_name="record date")),
                ("opens_on", models.DateField(verbose_name="opens on")),
                ("closes_on", models.DateField(verbose_name="claim by")),
                ("dispatch_by", models.DateField(verbose_name="send by")),
                ("stock", models.PositiveIntegerField(null=True, verbose_name="stock")),
                ("promised", models.PositiveIntegerField(default=0, verbose_name="promised")),
                ("entitlements_made", models.PositiveIntegerField(default=0, verbose_name="entitlements")),
                ("opened_at", models.DateTimeField(verbose_name="opened at")),
                ("reminded_at", models.DateTimeField(null=True, verbose_name="reminded at")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("stock__isnull", True), ("promised__lte", models.F("stock")), _connector="OR"
                        ),
                        name="reward_stock_kept",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("closes_on__lte", models.F("dispatch_by")),
                            ("opens_on__lte", models.F("closes_on")),
                            ("record_on__lt", models.F("opens_on")),
                        ),
                        name="reward_cycle_dates",
                    ),
                ],
                "indexes": [models.Index(fields=["state", "closes_on"], name="reward_cycle_due_idx")],
                "verbose_name": "reward cycle",
                "verbose_name_plural": "reward cycles",
            },
        ),
        migrations.CreateModel(
            name="Donee",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name_en", models.CharField(max_length=120, verbose_name="name (English)")),
                ("name_ja", models.CharField(max_length=120, verbose_name="name (Japanese)")),
                ("address", microfund.kernel.crypto.EncryptedJSONField(default=dict, verbose_name="address")),
                ("active", models.BooleanField(default=True, verbose_name="can be chosen")),
            ],
            options={
                "verbose_name": "place that rewards are passed on to",
                "verbose_name_plural": "places that rewards are passed on to",
            },
        ),
        migrations.CreateModel(
            name="Batch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(verbose_name="number")),
                ("made_at", models.DateTimeField(verbose_name="made at")),
                (
                    "business",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="businesses.business",
                        verbose_name="business",
                    ),
                ),
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
                    "cycle",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="batches",
                        to="rewards.cycle",
                        verbose_name="cycle",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("cycle", "number"), name="batch_once")],
                "verbose_name": "batch of parcels",
                "verbose_name_plural": "batches of parcels",
            },
        ),
        migrations.CreateModel(
            name="DigitalFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, verbose_name="file name")),
                ("content_type", models.CharField(max_length=40, verbose_name="kind of file")),
                ("size", models.PositiveIntegerField(verbose_name="size (bytes)")),
                ("sha256", models.CharField(max_length=64, verbose_name="content hash")),
                ("file", models.CharField(max_length=80)),
                ("key", microfund.kernel.crypto.EncryptedTextField()),
                ("added_at", models.DateTimeField(verbose_name="added at")),
                ("removed_at", models.DateTimeField(null=True, verbose_name="removed at")),
                (
                    "added_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="added by",
                    ),
                ),
            ],
            options={
                "verbose_name": "file of a digital reward",
                "verbose_name_plural": "files of digital rewards",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Entitlement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("quantity", models.PositiveIntegerField(verbose_name="quantity")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("claimable", "to be claimed"),
                            ("claimed", "claimed"),
                            ("passed_on", "passed on"),
                            ("packing", "being packed"),
                            ("shipped", "sent"),
                            ("delivered", "received"),
                            ("returned", "came back"),
                            ("substituted", "replaced by something else"),
                            ("declined", "declined"),
                            ("expired", "expired"),
                            ("carried", "comes with the next"),
                            ("withdrawn", "withdrawn with its units"),
                            ("moved", "passed to another entitlement"),
                            ("compensated", "money instead"),
                        ],
                        default="claimable",
                        max_length=11,
                        verbose_name="state",
                    ),
                ),
                ("claim_by", models.DateField(null=True, verbose_name="to be claimed by")),
                (
                    "note",
                    models.CharField(
                        blank=True, db_default="", max_length=200, verbose_name="why, as its holder reads it"
                    ),
                ),
                (
                    "cycle",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entitlements",
                        to="rewards.cycle",
                    ),
                ),
                (
                    "holding",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entitlements",
                        to="investments.holding",
                    ),
                ),
                (
                    "replaces",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="rewards.entitlement",
                        verbose_name="made of",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("quantity__gte", 1)), name="entitlement_positive"),
                    models.UniqueConstraint(
                        condition=models.Q(("replaces__isnull", True)),
                        fields=("holding", "cycle"),
                        name="entitlement_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("replaces__isnull", False)),
                        fields=("replaces", "holding"),
                        name="entitlement_replaced_once",
                    ),
                ],
                "indexes": [models.Index(fields=["cycle", "state"], name="entitlement_state_idx")],
                "verbose_name": "entitlement",
                "verbose_name_plural": "entitlements",
            },
        ),
        migrations.CreateModel(
            name="Download",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(verbose_name="at")),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="downloads",
                        to="rewards.digitalfile",
                        verbose_name="file",
                    ),
                ),
                (
                    "entitlement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="downloads", to="rewards.entitlement"
                    ),
                ),
            ],
            options={
                "verbose_name": "download",
                "verbose_name_plural": "downloads",
            },
        ),
        migrations.CreateModel(
            name="Compensation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("prepared", "waits for approval"),
                            ("approved", "owed by the business"),
                            ("funded", "to be paid out"),
                            ("paid", "paid"),
                            ("withdrawn", "withdrawn"),
                            ("lost", "written off"),
                        ],
                        default="prepared",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("value", models.BigIntegerField(verbose_name="value of the reward")),
                ("reason", models.CharField(max_length=200, verbose_name="reason, as the holder reads it")),
                ("payer_code", models.CharField(max_length=10, unique=True, verbose_name="payer code")),
                ("due_on", models.DateField(null=True, verbose_name="due from the business on")),
                ("prepared_at", models.DateTimeField(verbose_name="prepared at")),
                ("approved_at", models.DateTimeField(null=True, verbose_name="approved at")),
                ("paid_on", models.DateField(null=True, verbose_name="paid on")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                ("loss_prepared_at", models.DateTimeField(null=True, verbose_name="write-off prepared at")),
                (
                    "loss_reason",
                    models.CharField(
                        blank=True,
                        db_default="",
                        max_length=200,
                        verbose_name="reason of the write-off, as the holder reads it",
                    ),
                ),
                ("lost_on", models.DateField(null=True, verbose_name="written off on")),
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
                    "loss_checker",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="write-off approved by",
                    ),
                ),
                (
                    "loss_maker",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="write-off prepared by",
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
                (
                    "use",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="compensation",
                        to="investments.receiptuse",
                    ),
                ),
                (
                    "entitlement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="compensations",
                        to="rewards.entitlement",
                        verbose_name="entitlement",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0), ("amount__lte", models.F("value"))),
                        name="compensation_within_the_value",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["prepared", "withdrawn"]),
                            models.Q(
                                ("approved_at__isnull", False),
                                ("checker__isnull", False),
                                ("due_on__isnull", False),
                                models.Q(("checker", models.F("maker")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="compensation_two_people",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("paid_on__isnull", False), ("state", "paid")),
                            models.Q(("paid_on__isnull", True), models.Q(("state", "paid"), _negated=True)),
                            _connector="OR",
                        ),
                        name="compensation_paid",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "withdrawn"), _negated=True),
                        fields=("entitlement",),
                        name="compensation_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["funded", "paid"]), ("use__isnull", False)),
                            models.Q(
                                ("state__in", ["prepared", "approved", "withdrawn", "lost"]), ("use__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="compensation_funded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("loss_checker__isnull", True),
                                ("lost_on__isnull", True),
                                models.Q(("state", "lost"), _negated=True),
                            ),
                            models.Q(
                                ("loss_checker__isnull", False),
                                ("loss_maker__isnull", False),
                                ("lost_on__isnull", False),
                                ("state", "lost"),
                                models.Q(("loss_checker", models.F("loss_maker")), _negated=True),
                                models.Q(("loss_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="compensation_lost_by_two",
                    ),
                ],
                "verbose_name": "compensation for a reward",
                "verbose_name_plural": "compensations for rewards",
            },
        ),
        migrations.CreateModel(
            name="Letter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "moment",
                    models.CharField(
                        choices=[
                            ("funded", "the fund has reached its goal"),
                            ("reopened", "we are open again"),
                            ("recoup", "the investment is earned back"),
                            ("matured", "the term is over"),
                        ],
                        max_length=8,
                        verbose_name="moment",
                    ),
                ),
                ("text_en", models.TextField(blank=True, max_length=4000, verbose_name="text (English)")),
                ("text_ja", models.TextField(blank=True, max_length=4000, verbose_name="text (Japanese)")),
                ("saved_at", models.DateTimeField(verbose_name="saved at")),
                ("published_at", models.DateTimeField(null=True, verbose_name="published at")),
                (
                    "digest",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        editable=False,
                        max_length=64,
                        verbose_name="content hash",
                    ),
                ),
                ("height", models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name="height")),
                ("width", models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name="width")),
                ("widths", models.JSONField(db_default=[], default=list, editable=False, verbose_name="widths")),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="letters",
                        to="investments.fund",
                        verbose_name="fund",
                    ),
                ),
                (
                    "written_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="written by",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("fund", "moment"), name="letter_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("published_at__isnull", True),
                            models.Q(("text_en", ""), ("text_ja", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="letter_has_words",
                    ),
                ],
                "verbose_name": "thank-you letter",
                "verbose_name_plural": "thank-you letters",
            },
        ),
        migrations.CreateModel(
            name="Offer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "minimum_units",
                    models.PositiveIntegerField(
                        default=1,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="minimum units",
                    ),
                ),
                ("text_en", models.CharField(max_length=200, verbose_name="text (English)")),
                ("text_ja", models.CharField(max_length=200, verbose_name="text (Japanese)")),
                ("when_en", models.CharField(blank=True, max_length=120, verbose_name="when (English)")),
                ("when_ja", models.CharField(blank=True, max_length=120, verbose_name="when (Japanese)")),
                ("adults_only", models.BooleanField(default=False, verbose_name="only for people of 20 and over")),
                ("allergens_en", models.CharField(blank=True, max_length=200, verbose_name="allergens (English)")),
                ("allergens_ja", models.CharField(blank=True, max_length=200, verbose_name="allergens (Japanese)")),
                (
                    "claim_days",
                    models.PositiveSmallIntegerField(
                        default=60,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="days to claim",
                    ),
                ),
                ("cold", models.BooleanField(default=False, verbose_name="sent chilled")),
                (
                    "cycle",
                    models.CharField(
                        choices=[
                            ("none", "no dates yet"),
                            ("once", "once"),
                            ("periods", "every so many periods"),
                            ("season", "every year in a season"),
                        ],
                        default="none",
                        max_length=8,
                        verbose_name="cycle",
                    ),
                ),
                (
                    "dispatch_days",
                    models.PositiveSmallIntegerField(
                        default=30,
                        help_text="Of a season its last day counts instead.",
                        verbose_name="days to send after that",
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="ended at")),
                (
                    "every",
                    models.PositiveSmallIntegerField(
                        default=1,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="every so many periods",
                    ),
                ),
                ("from_period", models.PositiveSmallIntegerField(default=1, verbose_name="first after period")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("goods", "goods"),
                            ("voucher", "voucher"),
                            ("visit", "visit"),
                            ("digital", "digital download"),
                            ("thanks", "acknowledgement"),
                        ],
                        default="goods",
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("link", models.URLField(blank=True, verbose_name="address of the download")),
                (
                    "not_to",
                    models.JSONField(
                        blank=True, default=list, verbose_name="prefectures and postal codes it is not sent to"
                    ),
                ),
                (
                    "per_units",
                    models.PositiveIntegerField(blank=True, null=True, verbose_name="one for each so many units"),
                ),
                (
                    "season_day",
                    models.PositiveSmallIntegerField(
                        default=1,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(31),
                        ],
                        verbose_name="season begins on day",
                    ),
                ),
                (
                    "season_month",
                    models.PositiveSmallIntegerField(
                        default=1,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(12),
                        ],
                        verbose_name="season begins in month",
                    ),
                ),
                ("starts_on", models.DateField(blank=True, null=True, verbose_name="no cycle before")),
                ("stock", models.PositiveIntegerField(blank=True, null=True, verbose_name="stock for each cycle")),
                (
                    "unclaimed",
                    models.CharField(
                        choices=[("expire", "expires"), ("carry", "comes with the next")],
                        default="expire",
                        max_length=6,
                        verbose_name="not claimed",
                    ),
                ),
                ("valid_days", models.PositiveSmallIntegerField(default=180, verbose_name="days a voucher is valid")),
                (
                    "value",
                    models.BigIntegerField(
                        default=0, validators=[django.core.validators.MinValueValidator(0)], verbose_name="value (yen)"
                    ),
                ),
                ("version", models.PositiveSmallIntegerField(default=1, verbose_name="version")),
                (
                    "digest",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        editable=False,
                        max_length=64,
                        verbose_name="content hash",
                    ),
                ),
                ("height", models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name="height")),
                (
                    "waiting",
                    models.BooleanField(
                        db_default=False, default=False, editable=False, verbose_name="proposed by the business"
                    ),
                ),
                ("width", models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name="width")),
                ("widths", models.JSONField(db_default=[], default=list, editable=False, verbose_name="widths")),
                (
                    "season_until_day",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Parcels are sent by then. One before the first is in the next year; 29 February is the month's last day.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(31),
                        ],
                        verbose_name="season ends on day",
                    ),
                ),
                (
                    "season_until_month",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(12),
                        ],
                        verbose_name="season ends in month",
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reward_offers",
                        to="investments.fund",
                        verbose_name="fund",
                    ),
                ),
                (
                    "replaces",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="rewards.offer",
                        verbose_name="replaces",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("minimum_units__gte", 1)), name="reward_minimum_units"),
                    models.CheckConstraint(
                        condition=models.Q(("per_units__isnull", True), ("per_units__gte", 1), _connector="OR"),
                        name="reward_per_units",
                    ),
                    models.CheckConstraint(condition=models.Q(("value__gte", 0)), name="reward_value"),
                    models.CheckConstraint(
                        condition=models.Q(("every__gte", 1), ("from_period__gte", 1)), name="reward_every"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("season_day__range", (1, 31)), ("season_month__range", (1, 12))),
                        name="reward_season",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("season_until_day__isnull", True), ("season_until_month__isnull", True)),
                            models.Q(
                                ("season_until_day__isnull", False),
                                ("season_until_day__range", (1, 31)),
                                ("season_until_month__isnull", False),
                                ("season_until_month__range", (1, 12)),
                            ),
                            _connector="OR",
                        ),
                        name="reward_season_until",
                    ),
                ],
                "verbose_name": "reward offer",
                "verbose_name_plural": "reward offers",
                "ordering": ["minimum_units", "pk"],
            },
        ),
        migrations.AddField(
            model_name="digitalfile",
            name="offer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="files",
                to="rewards.offer",
                verbose_name="offer",
            ),
        ),
        migrations.AddField(
            model_name="cycle",
            name="offer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cycles",
                to="rewards.offer",
                verbose_name="offer",
            ),
        ),
        migrations.CreateModel(
            name="Parcel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", microfund.kernel.crypto.EncryptedJSONField(default=dict, verbose_name="address")),
                ("prefecture", models.CharField(blank=True, max_length=8, verbose_name="prefecture")),
                ("gift", models.BooleanField(default=False, verbose_name="for somebody else")),
                ("card", models.CharField(blank=True, max_length=200, verbose_name="words on the card")),
                ("wish_on", models.DateField(null=True, verbose_name="wished for")),
                ("claimed_at", models.DateTimeField(verbose_name="claimed at")),
                (
                    "carrier",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("yamato", "Yamato"),
                            ("sagawa", "Sagawa"),
                            ("post", "Japan Post"),
                            ("other", "another carrier"),
                        ],
                        max_length=20,
                        verbose_name="carrier",
                    ),
                ),
                ("tracking", models.CharField(blank=True, max_length=30, verbose_name="tracking number")),
                ("shipped_on", models.DateField(null=True, verbose_name="sent on")),
                (
                    "problem",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("returned", "came back to us"),
                            ("unknown", "nobody is known at the address"),
                            ("damaged", "arrived damaged"),
                            ("lost", "was lost on the way"),
                        ],
                        max_length=8,
                        verbose_name="problem",
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=200, verbose_name="remark")),
                ("erased_at", models.DateTimeField(null=True, verbose_name="address erased at")),
                (
                    "allergies",
                    microfund.kernel.crypto.EncryptedTextField(
                        blank=True, db_default="", default="", verbose_name="allergies"
                    ),
                ),
                ("asked_at", models.DateTimeField(null=True, verbose_name="asked whether it arrived at")),
                ("complained_at", models.DateTimeField(null=True, verbose_name="complained at")),
                (
                    "complaint",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("returned", "came back to us"),
                            ("unknown", "nobody is known at the address"),
                            ("damaged", "arrived damaged"),
                            ("lost", "was lost on the way"),
                        ],
                        db_default="",
                        default="",
                        max_length=8,
                        verbose_name="complaint",
                    ),
                ),
                (
                    "complaint_note",
                    models.CharField(
                        blank=True, db_default="", default="", max_length=200, verbose_name="what the holder writes"
                    ),
                ),
                (
                    "batch",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="parcels",
                        to="rewards.batch",
                        verbose_name="batch",
                    ),
                ),
                (
                    "donee",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="rewards.donee",
                        verbose_name="passed on to",
                    ),
                ),
                (
                    "entitlement",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="parcel", to="rewards.entitlement"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["batch"], name="parcel_batch_idx")],
                "verbose_name": "parcel",
                "verbose_name_plural": "parcels",
            },
        ),
        migrations.CreateModel(
            name="Visit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "can be booked"), ("cancelled", "called off")],
                        default="open",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("title_en", models.CharField(max_length=120, verbose_name="title (English)")),
                ("title_ja", models.CharField(max_length=120, verbose_name="title (Japanese)")),
                ("place", models.CharField(max_length=200, verbose_name="place, or link of an online meeting")),
                ("text_en", models.TextField(blank=True, max_length=2000, verbose_name="what to know (English)")),
                ("text_ja", models.TextField(blank=True, max_length=2000, verbose_name="what to know (Japanese)")),
                ("starts_at", models.DateTimeField(verbose_name="begins at")),
                ("minutes", models.PositiveSmallIntegerField(default=120, verbose_name="minutes")),
                ("book_until", models.DateField(verbose_name="book until")),
                ("seats", models.PositiveSmallIntegerField(verbose_name="seats")),
                ("taken", models.PositiveSmallIntegerField(default=0, verbose_name="taken")),
                ("minimum_units", models.PositiveIntegerField(default=1, verbose_name="minimum units")),
                ("most_each", models.PositiveSmallIntegerField(default=2, verbose_name="most seats for one holding")),
                ("reason", models.CharField(blank=True, max_length=200, verbose_name="why it was called off")),
                ("made_at", models.DateTimeField(verbose_name="made at")),
                ("reminded_at", models.DateTimeField(null=True, verbose_name="reminded at")),
                ("changed_at", models.DateTimeField(null=True, verbose_name="changed at")),
                ("sequence", models.PositiveIntegerField(default=0, verbose_name="version in calendars")),
                (
                    "report_en",
                    models.TextField(
                        blank=True, db_default="", default="", max_length=2000, verbose_name="how it was (English)"
                    ),
                ),
                (
                    "report_ja",
                    models.TextField(
                        blank=True, db_default="", default="", max_length=2000, verbose_name="how it was (Japanese)"
                    ),
                ),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="visits",
                        to="investments.fund",
                        verbose_name="fund",
                    ),
                ),
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
                        condition=models.Q(("taken__lte", models.F("seats"))), name="visit_seats_kept"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("minutes__gte", 1), ("most_each__gte", 1), ("seats__gte", 1)),
                        name="visit_positive",
                    ),
                ],
                "indexes": [models.Index(fields=["fund", "starts_at"], name="visit_fund_idx")],
                "verbose_name": "visit",
                "verbose_name_plural": "visits",
            },
        ),
        migrations.CreateModel(
            name="Booking",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("booked", "booked"),
                            ("waiting", "on the waiting list"),
                            ("cancelled", "cancelled"),
                            ("attended", "was there"),
                            ("absent", "was not there"),
                        ],
                        default="waiting",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("seats", models.PositiveSmallIntegerField(verbose_name="seats")),
                ("asked_at", models.DateTimeField(verbose_name="asked at")),
                (
                    "holding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bookings",
                        to="investments.holding",
                        verbose_name="holding",
                    ),
                ),
                (
                    "visit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bookings",
                        to="rewards.visit",
                        verbose_name="visit",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("visit", "holding"), name="booking_once"),
                    models.CheckConstraint(condition=models.Q(("seats__gte", 1)), name="booking_positive"),
                ],
                "indexes": [models.Index(fields=["visit", "state", "asked_at"], name="booking_state_idx")],
                "verbose_name": "booking",
                "verbose_name_plural": "bookings",
            },
        ),
        migrations.CreateModel(
            name="Voucher",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=16, unique=True, verbose_name="code")),
                ("value", models.BigIntegerField(verbose_name="value (yen)")),
                ("balance", models.BigIntegerField(verbose_name="left (yen)")),
                ("valid_until", models.DateField(verbose_name="valid until")),
                ("made_at", models.DateTimeField(verbose_name="made at")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended at")),
                (
                    "business",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="businesses.business",
                        verbose_name="business",
                    ),
                ),
                (
                    "entitlement",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="voucher",
                        to="rewards.entitlement",
                    ),
                ),
                (
                    "line",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="voucher",
                        to="investments.electedline",
                        verbose_name="line taken otherwise",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("balance__gte", 0), ("balance__lte", models.F("value")), ("value__gt", 0)),
                        name="voucher_balance",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", True), ("entitlement__isnull", False), ("line__isnull", True)
                            ),
                            models.Q(("entitlement__isnull", True), ("line__isnull", False)),
                            _connector="OR",
                        ),
                        name="voucher_of_one_thing",
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at__isnull", True), ("line__isnull", False)),
                        fields=["valid_until"],
                        name="voucher_end_idx",
                    )
                ],
                "verbose_name": "voucher",
                "verbose_name_plural": "vouchers",
            },
        ),
        migrations.CreateModel(
            name="Redemption",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", models.BigIntegerField(verbose_name="amount (yen)")),
                ("form_token", models.UUIDField(unique=True)),
                ("redeemed_at", models.DateTimeField(verbose_name="redeemed at")),
                (
                    "redeemed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "voucher",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="redemptions", to="rewards.voucher"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="redemption_positive")
                ],
                "verbose_name": "use of a voucher",
                "verbose_name_plural": "uses of vouchers",
            },
        ),
        migrations.AddConstraint(
            model_name="digitalfile",
            constraint=models.UniqueConstraint(
                condition=models.Q(("removed_at__isnull", True)), fields=("offer", "sha256"), name="digital_file_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="cycle",
            constraint=models.UniqueConstraint(fields=("offer", "number"), name="reward_cycle_once"),
        ),
        run_sql_file(__file__, "rewards"),
        run_sql_file(__file__, "settled_otherwise"),
        run_sql_file(__file__, "compensation_lost"),
    ]
