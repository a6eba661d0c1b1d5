"""Bank accounts, identity checks with their documents, and what the same person is found twice by."""

import re

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import microfund.kernel.crypto
from microfund.kernel.crypto import fingerprint


def fill_hashes(apps, schema_editor):
    """The hashes of the investors who are there already, as the code made them when this was written."""
    investors = apps.get_model("investments", "Investor").objects
    known = investors.only("kind", "name_kana", "birth_date", "corporate_number", "phone")
    for row in known.order_by("pk").iterator(chunk_size=500):
        if row.kind == "company":
            who = row.corporate_number
        else:
            kana = re.sub(r"[\s・]", "", row.name_kana)
            who = f"{kana} {row.birth_date}" if kana and row.birth_date else ""
        digits = re.sub(r"\D", "", re.sub(r"^\+81-?", "0", row.phone))
        investors.filter(pk=row.pk).update(
            person_hash=fingerprint(who, purpose="person"), phone_hash=fingerprint(digits, purpose="phone")
        )


class Migration(migrations.Migration):
    dependencies = [
        ("investments", "0010_rules"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="investor",
            name="person_hash",
            field=models.CharField(blank=True, db_index=True, default="", editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="investor",
            name="closed_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="closed at"),
        ),
        migrations.AddField(
            model_name="investor",
            name="phone_hash",
            field=models.CharField(blank=True, db_index=True, default="", editable=False, max_length=64),
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
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="identity_cases",
                        to="investments.investor",
                        verbose_name="investor",
                    ),
                ),
            ],
            options={
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
                "verbose_name": "identity document",
                "verbose_name_plural": "identity documents",
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
                "verbose_name": "resemblance",
                "verbose_name_plural": "resemblances",
            },
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
                "verbose_name": "bank account of an investor",
                "verbose_name_plural": "bank accounts of investors",
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
            },
        ),
        migrations.AddConstraint(
            model_name="identitycase",
            constraint=models.UniqueConstraint(
                condition=models.Q(("decided_at__isnull", True)), fields=("investor",), name="identity_case_one_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="identitycase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("outcome", "")),
                    models.Q(("decided_at__isnull", False), models.Q(("outcome", ""), _negated=True)),
                    _connector="OR",
                ),
                name="identity_case_decided_with_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="identitycase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("outcome", "rejected"), _negated=True),
                    models.Q(("cause", ""), _negated=True),
                    _connector="OR",
                ),
                name="identity_case_rejected_with_cause",
            ),
        ),
        migrations.AddConstraint(
            model_name="identitydocument",
            constraint=models.CheckConstraint(
                condition=models.Q(("deleted_at__isnull", True), ("key", ""), _connector="OR"),
                name="identity_document_key_goes_with_it",
            ),
        ),
        migrations.AddConstraint(
            model_name="identitydocument",
            constraint=models.UniqueConstraint(
                condition=models.Q(("deleted_at__isnull", True)),
                fields=("case", "side"),
                name="identity_document_one_of_a_side",
            ),
        ),
        migrations.AddConstraint(
            model_name="resemblance",
            constraint=models.UniqueConstraint(fields=("first", "second"), name="resemblance_one_of_a_pair"),
        ),
        migrations.AddConstraint(
            model_name="resemblance",
            constraint=models.CheckConstraint(
                condition=models.Q(("first__lt", models.F("second"))), name="resemblance_in_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="resemblance",
            constraint=models.CheckConstraint(
                condition=models.Q(("by_person", True), ("by_phone", True), ("by_account", True), _connector="OR"),
                name="resemblance_has_a_reason",
            ),
        ),
        migrations.RunPython(fill_hashes, migrations.RunPython.noop),
    ]
