"""What the first 7 migrations build, at once: a new database is ready in seconds."""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = [
        ("businesses", "0001_initial"),
        ("businesses", "0002_search_and_list_indexes"),
        ("businesses", "0003_news_and_followers"),
        ("businesses", "0004_proposed_texts"),
        ("businesses", "0005_questions"),
        ("businesses", "0006_plan_team_pictures"),
        ("businesses", "0007_story_milestones_spending"),
    ]

    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="Disaster",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(unique=True, verbose_name="slug")),
                ("name_en", models.CharField(max_length=120, verbose_name="name (English)")),
                ("name_ja", models.CharField(max_length=120, verbose_name="name (Japanese)")),
                ("happened_on", models.DateField(verbose_name="date")),
            ],
            options={
                "verbose_name": "disaster",
                "verbose_name_plural": "disasters",
            },
        ),
        migrations.CreateModel(
            name="Business",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(unique=True, verbose_name="slug")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("in_review", "in review"),
                            ("published", "published"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="draft",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                ("name_en", models.CharField(max_length=120, verbose_name="name (English)")),
                ("name_ja", models.CharField(max_length=120, verbose_name="name (Japanese)")),
                (
                    "trade",
                    models.CharField(
                        choices=[
                            ("oyster", "oyster farming"),
                            ("sake", "sake brewing"),
                            ("soy", "soy sauce brewing"),
                            ("seaweed", "seaweed"),
                            ("fish", "fish processing"),
                            ("tofu", "tofu making"),
                            ("ryokan", "inn"),
                            ("ramen", "restaurant"),
                            ("knit", "knitting"),
                            ("cannery", "canning"),
                            ("bakery", "bakery"),
                            ("boat", "boat building"),
                            ("other", "other trade"),
                        ],
                        max_length=12,
                        verbose_name="trade",
                    ),
                ),
                ("town_en", models.CharField(max_length=80, verbose_name="town (English)")),
                ("town_ja", models.CharField(max_length=80, verbose_name="town (Japanese)")),
                ("owner_name_en", models.CharField(max_length=80, verbose_name="owner (English)")),
                ("owner_name_ja", models.CharField(max_length=80, verbose_name="owner (Japanese)")),
                ("founded_year", models.PositiveSmallIntegerField(verbose_name="founded")),
                ("staff_before", models.PositiveSmallIntegerField(verbose_name="staff before")),
                ("staff_now", models.PositiveSmallIntegerField(verbose_name="staff now")),
                ("revenue_before", models.BigIntegerField(verbose_name="yearly revenue before (yen)")),
                ("use_line_en", models.CharField(max_length=200, verbose_name="use line (English)")),
                ("use_line_ja", models.CharField(max_length=200, verbose_name="use line (Japanese)")),
                ("story_en", models.TextField(verbose_name="story (English)")),
                ("story_ja", models.TextField(verbose_name="story (Japanese)")),
                ("damage_en", models.TextField(verbose_name="damage (English)")),
                ("damage_ja", models.TextField(verbose_name="damage (Japanese)")),
                ("map_x", models.PositiveSmallIntegerField(default=0, verbose_name="map x")),
                ("map_y", models.PositiveSmallIntegerField(default=0, verbose_name="map y")),
                ("published_at", models.DateTimeField(blank=True, null=True, verbose_name="published at")),
                ("checked_on", models.DateField(blank=True, null=True, verbose_name="last checked by staff")),
                ("withdrawn_reason_en", models.TextField(blank=True, verbose_name="reason of withdrawal (English)")),
                ("withdrawn_reason_ja", models.TextField(blank=True, verbose_name="reason of withdrawal (Japanese)")),
                (
                    "search_text",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.text.Lower(
                            django.db.models.functions.text.Concat(
                                models.F("name_en"),
                                models.Value(" "),
                                models.F("name_ja"),
                                models.Value(" "),
                                models.F("town_en"),
                                models.Value(" "),
                                models.F("town_ja"),
                                models.Value(" "),
                                models.F("owner_name_en"),
                                models.Value(" "),
                                models.F("owner_name_ja"),
                                models.Value(" "),
                                models.F("use_line_en"),
                                models.Value(" "),
                                models.F("use_line_ja"),
                                models.Value(" "),
                            )
                        ),
                        output_field=models.TextField(),
                    ),
                ),
                (
                    "story_edits",
                    models.PositiveIntegerField(
                        db_default=0, default=0, editable=False, verbose_name="edits of the story"
                    ),
                ),
                (
                    "uses_note_en",
                    models.TextField(
                        blank=True, db_default="", default="", verbose_name="about the use of funds (English)"
                    ),
                ),
                (
                    "uses_note_ja",
                    models.TextField(
                        blank=True, db_default="", default="", verbose_name="about the use of funds (Japanese)"
                    ),
                ),
                (
                    "plan_en",
                    models.TextField(blank=True, db_default="", default="", verbose_name="recovery plan (English)"),
                ),
                (
                    "plan_ja",
                    models.TextField(blank=True, db_default="", default="", verbose_name="recovery plan (Japanese)"),
                ),
                (
                    "story_next_en",
                    models.TextField(blank=True, db_default="", default="", verbose_name="story: next (English)"),
                ),
                (
                    "story_next_ja",
                    models.TextField(blank=True, db_default="", default="", verbose_name="story: next (Japanese)"),
                ),
                (
                    "story_now_en",
                    models.TextField(blank=True, db_default="", default="", verbose_name="story: now (English)"),
                ),
                (
                    "story_now_ja",
                    models.TextField(blank=True, db_default="", default="", verbose_name="story: now (Japanese)"),
                ),
                (
                    "disaster",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="businesses",
                        to="businesses.disaster",
                        verbose_name="disaster",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("revenue_before__gte", 0)), name="business_revenue_positive"
                    )
                ],
                "indexes": [
                    models.Index(fields=["state", "trade"], name="business_state_trade_idx"),
                    models.Index(fields=["state", "id"], name="business_state_id_idx"),
                    models.Index(fields=["state", "town_en", "town_ja"], name="business_towns_idx"),
                ],
                "verbose_name": "business",
                "verbose_name_plural": "businesses",
            },
        ),
        migrations.CreateModel(
            name="Follow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.EmailField(blank=True, default="", max_length=254, verbose_name="e-mail address")),
                ("key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="key")),
                (
                    "cadence",
                    models.CharField(
                        choices=[("instant", "at once, each time"), ("weekly", "once a week, together")],
                        default="instant",
                        max_length=8,
                        verbose_name="how often",
                    ),
                ),
                ("language", models.CharField(default="en", max_length=8, verbose_name="language")),
                ("asked_at", models.DateTimeField(verbose_name="asked at")),
                ("confirmed_at", models.DateTimeField(blank=True, null=True, verbose_name="confirmed at")),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                (
                    "business",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="follows", to="businesses.business"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="follows",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("email", ""), ("user__isnull", False)),
                            models.Q(("user__isnull", True), models.Q(("email", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="follow_by_account_or_address",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("user__isnull", False)),
                        fields=("business", "user"),
                        name="follow_once_by_account",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("email", ""), _negated=True),
                        fields=("business", "email"),
                        name="follow_once_by_address",
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("confirmed_at__isnull", False), ("ended_at__isnull", True)),
                        fields=["business", "cadence", "id"],
                        name="follow_live_idx",
                    )
                ],
                "verbose_name": "follower",
                "verbose_name_plural": "followers",
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[("owner", "owner"), ("editor", "editor")],
                        default="owner",
                        max_length=8,
                        verbose_name="role",
                    ),
                ),
                (
                    "business",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="businesses.business",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("business", "user"), name="membership_once")],
                "verbose_name": "member",
                "verbose_name_plural": "members",
            },
        ),
        migrations.CreateModel(
            name="Milestone",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text_en", models.CharField(max_length=160, verbose_name="step (English)")),
                ("text_ja", models.CharField(max_length=160, verbose_name="step (Japanese)")),
                ("planned_on", models.DateField(verbose_name="planned for")),
                ("done_on", models.DateField(blank=True, null=True, verbose_name="done on")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                (
                    "business",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="milestones", to="businesses.business"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("text_en", ""), _negated=True), models.Q(("text_ja", ""), _negated=True)
                        ),
                        name="milestone_worded",
                    )
                ],
                "verbose_name": "milestone",
                "verbose_name_plural": "milestones",
                "ordering": ["planned_on", "position", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Picture",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[("hero", "main picture"), ("story", "story")],
                        default="hero",
                        max_length=8,
                        verbose_name="role",
                    ),
                ),
                ("digest", models.CharField(max_length=64, verbose_name="content hash")),
                ("widths", models.JSONField(verbose_name="widths")),
                ("width", models.PositiveIntegerField(verbose_name="width")),
                ("height", models.PositiveIntegerField(verbose_name="height")),
                ("alt_en", models.CharField(max_length=250, verbose_name="description (English)")),
                ("alt_ja", models.CharField(max_length=250, verbose_name="description (Japanese)")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                (
                    "moment",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "below the story"),
                            ("before", "Before the disaster"),
                            ("day", "That day"),
                            ("now", "Now"),
                            ("next", "What comes next"),
                        ],
                        db_default="",
                        default="",
                        max_length=6,
                        verbose_name="part of the story",
                    ),
                ),
                (
                    "business",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="pictures", to="businesses.business"
                    ),
                ),
            ],
            options={
                "verbose_name": "picture",
                "verbose_name_plural": "pictures",
                "ordering": ["position", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Post",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("scheduled", "scheduled"),
                            ("published", "published"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="draft",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "visibility",
                    models.CharField(
                        choices=[("public", "everybody"), ("supporters", "supporters only")],
                        default="public",
                        max_length=10,
                        verbose_name="who may read it",
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        choices=[("en", "English"), ("ja", "日本語")],
                        default="ja",
                        max_length=2,
                        verbose_name="language",
                    ),
                ),
                ("title", models.CharField(blank=True, default="", max_length=120, verbose_name="title")),
                ("source", models.TextField(blank=True, default="", verbose_name="text (Markdown)")),
                ("html", models.TextField(blank=True, default="", verbose_name="text (HTML)")),
                ("excerpt", models.CharField(blank=True, default="", max_length=300, verbose_name="excerpt")),
                ("version", models.PositiveIntegerField(default=1, verbose_name="version")),
                (
                    "form_token",
                    models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="form token"),
                ),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                ("edited_at", models.DateTimeField(verbose_name="edited at")),
                ("publish_at", models.DateTimeField(blank=True, null=True, verbose_name="to be published at")),
                ("published_at", models.DateTimeField(blank=True, null=True, verbose_name="published at")),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True, verbose_name="withdrawn at")),
                (
                    "recorded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="recorded at"
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="posts",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="author",
                    ),
                ),
                (
                    "business",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="posts", to="businesses.business"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ["published", "withdrawn"]), _negated=True),
                            ("published_at__isnull", False),
                            _connector="OR",
                        ),
                        name="post_published_has_its_instant",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "scheduled"), _negated=True),
                            ("publish_at__isnull", False),
                            _connector="OR",
                        ),
                        name="post_scheduled_has_its_instant",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "draft"),
                            models.Q(("title", ""), ("html", ""), _connector="OR", _negated=True),
                            _connector="OR",
                        ),
                        name="post_out_of_draft_has_words",
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "published")),
                        fields=["-published_at", "-id"],
                        name="post_published_idx",
                    ),
                    models.Index(
                        condition=models.Q(("state", "published")),
                        fields=["business", "-published_at", "-id"],
                        name="post_business_published_idx",
                    ),
                    models.Index(
                        condition=models.Q(("state", "scheduled")), fields=["publish_at"], name="post_due_idx"
                    ),
                ],
                "verbose_name": "news post",
                "verbose_name_plural": "news posts",
            },
        ),
        migrations.CreateModel(
            name="Comment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40, verbose_name="name")),
                ("text", models.CharField(max_length=1000, verbose_name="text")),
                ("from_business", models.BooleanField(default=False, verbose_name="from the business")),
                (
                    "form_token",
                    models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="form token"),
                ),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                ("removed_at", models.DateTimeField(blank=True, null=True, verbose_name="removed at")),
                (
                    "removed_reason",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="reason of removal"),
                ),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comments",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="author",
                    ),
                ),
                (
                    "post",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="comments", to="businesses.post"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("removed_at__isnull", True),
                            models.Q(("removed_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="comment_removed_has_reason",
                    )
                ],
                "verbose_name": "comment",
                "verbose_name_plural": "comments",
                "ordering": ["created_at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="PostPhoto",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, verbose_name="content hash")),
                ("widths", models.JSONField(verbose_name="widths")),
                ("width", models.PositiveIntegerField(verbose_name="width")),
                ("height", models.PositiveIntegerField(verbose_name="height")),
                ("alt", models.CharField(max_length=250, verbose_name="description")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                (
                    "post",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="photos", to="businesses.post"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("alt", ""), _negated=True), name="post_photo_is_described"
                    )
                ],
                "verbose_name": "photo of a post",
                "verbose_name_plural": "photos of posts",
                "ordering": ["position", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Proposal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "section",
                    models.CharField(
                        choices=[
                            ("profile", "profile"),
                            ("uses", "use of funds"),
                            ("plan", "recovery plan"),
                            ("team", "team"),
                            ("pictures", "pictures"),
                            ("steps", "milestones"),
                            ("spent", "spent so far"),
                        ],
                        max_length=8,
                        verbose_name="section",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("submitted", "in review"),
                            ("returned", "returned"),
                            ("published", "published"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="draft",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, verbose_name="version")),
                ("texts", models.JSONField(default=dict, verbose_name="proposed")),
                ("before", models.JSONField(default=dict, verbose_name="on the page")),
                ("answers", models.JSONField(default=dict, verbose_name="answers")),
                ("created_at", models.DateTimeField(verbose_name="begun at")),
                ("edited_at", models.DateTimeField(verbose_name="edited at")),
                ("submitted_at", models.DateTimeField(null=True, verbose_name="submitted at")),
                ("reviewed_at", models.DateTimeField(null=True, verbose_name="reviewed at")),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="author",
                    ),
                ),
                (
                    "business",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="proposals", to="businesses.business"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["draft", "submitted", "returned"])),
                        fields=("business", "section"),
                        name="proposal_one_open",
                    )
                ],
                "indexes": [models.Index(fields=["state", "submitted_at"], name="proposal_queue_idx")],
                "verbose_name": "proposed text",
                "verbose_name_plural": "proposed texts",
            },
        ),
        migrations.CreateModel(
            name="Question",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "open"), ("answered", "answered"), ("removed", "removed")],
                        default="open",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("name", models.CharField(max_length=40, verbose_name="name")),
                ("text", models.CharField(max_length=600, verbose_name="question")),
                (
                    "form_token",
                    models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="form token"),
                ),
                ("asked_at", models.DateTimeField(verbose_name="asked at")),
                ("answer", models.TextField(blank=True, default="", max_length=4000, verbose_name="answer")),
                ("by_staff", models.BooleanField(default=False, verbose_name="answered by the fund's staff")),
                ("answered_at", models.DateTimeField(null=True, verbose_name="answered at")),
                ("picked", models.BooleanField(default=False, verbose_name="often asked")),
                (
                    "removed_reason",
                    models.CharField(blank=True, default="", max_length=200, verbose_name="reason of removal"),
                ),
                (
                    "answered_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="answered by",
                    ),
                ),
                (
                    "asker",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="questions",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked by",
                    ),
                ),
                (
                    "business",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="questions",
                        to="businesses.business",
                        verbose_name="business",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "answered"), _negated=True),
                            models.Q(models.Q(("answer", ""), _negated=True), ("answered_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="question_answered_has_answer",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "removed"), _negated=True),
                            models.Q(("removed_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="question_removed_has_reason",
                    ),
                ],
                "indexes": [models.Index(fields=["business", "state", "-asked_at"], name="question_business_idx")],
                "verbose_name": "question",
                "verbose_name_plural": "questions",
            },
        ),
        migrations.CreateModel(
            name="Spending",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("fund", models.CharField(max_length=50, verbose_name="fund")),
                ("use_en", models.CharField(max_length=500, verbose_name="use (English)")),
                ("use_ja", models.CharField(max_length=500, verbose_name="use (Japanese)")),
                ("amount", models.BigIntegerField(verbose_name="spent (yen)")),
                ("receipts", models.PositiveIntegerField(default=0, verbose_name="receipts")),
                ("reported_on", models.DateField(verbose_name="stood so on")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                (
                    "business",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="spending", to="businesses.business"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gte", 0)), name="spending_positive"),
                    models.UniqueConstraint(fields=("business", "fund", "use_en"), name="spending_once"),
                ],
                "verbose_name": "spending",
                "verbose_name_plural": "spendings",
                "ordering": ["position", "pk"],
            },
        ),
        migrations.CreateModel(
            name="TeamPerson",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name_en", models.CharField(max_length=80, verbose_name="name (English)")),
                ("name_ja", models.CharField(max_length=80, verbose_name="name (Japanese)")),
                ("role_en", models.CharField(max_length=80, verbose_name="what they do (English)")),
                ("role_ja", models.CharField(max_length=80, verbose_name="what they do (Japanese)")),
                (
                    "words_en",
                    models.CharField(
                        blank=True, default="", max_length=400, verbose_name="in their own words (English)"
                    ),
                ),
                (
                    "words_ja",
                    models.CharField(
                        blank=True, default="", max_length=400, verbose_name="in their own words (Japanese)"
                    ),
                ),
                ("digest", models.CharField(blank=True, default="", max_length=64, verbose_name="content hash")),
                ("widths", models.JSONField(default=list, verbose_name="widths")),
                ("width", models.PositiveIntegerField(default=0, verbose_name="width")),
                ("height", models.PositiveIntegerField(default=0, verbose_name="height")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
                (
                    "business",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="team", to="businesses.business"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("name_en", ""), _negated=True),
                            models.Q(("name_ja", ""), _negated=True),
                            models.Q(("role_en", ""), _negated=True),
                            models.Q(("role_ja", ""), _negated=True),
                        ),
                        name="team_person_named",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("digest", ""), ("width__gt", 0), _connector="OR"),
                        name="team_portrait_sized",
                    ),
                ],
                "verbose_name": "person of the team",
                "verbose_name_plural": "team",
                "ordering": ["position", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Thanks",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(verbose_name="at")),
                (
                    "post",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="thanks", to="businesses.post"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("post", "user"), name="thanks_once")],
                "verbose_name": "thanks",
                "verbose_name_plural": "thanks",
            },
        ),
        migrations.CreateModel(
            name="Wonder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(verbose_name="at")),
                (
                    "question",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="wonders", to="businesses.question"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("question", "user"), name="wonder_once")],
                "verbose_name": "person who wonders the same",
                "verbose_name_plural": "people who wonder the same",
            },
        ),
    ]
