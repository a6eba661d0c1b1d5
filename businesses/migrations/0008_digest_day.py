import datetime

import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("businesses", "0001_squashed_0007_story_milestones_spending"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DigestDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "weekday",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (0, "Monday"),
                            (1, "Tuesday"),
                            (2, "Wednesday"),
                            (3, "Thursday"),
                            (4, "Friday"),
                            (5, "Saturday"),
                            (6, "Sunday"),
                        ],
                        verbose_name="day of the week",
                    ),
                ),
                ("since_on", models.DateField(verbose_name="sent until")),
                ("next_on", models.DateField(db_index=True, verbose_name="next mail on")),
                ("chosen_at", models.DateTimeField(verbose_name="chosen at")),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="digest_day",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "day of the weekly mail",
                "verbose_name_plural": "days of the weekly mail",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("weekday__lte", 6)), name="digest_day_weekday"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "next_on__gte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("since_on"), "+", models.Value(datetime.timedelta(days=7))
                                ),
                            )
                        ),
                        name="digest_day_a_week_apart",
                    ),
                ],
            },
        ),
    ]
