"""The Celery application. Beat only wakes short sweeps; what is due, and when, is in the rows (domain.md section 6)."""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "microfund.settings.demo")

app = Celery("tomobune")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Not an app of its own, so it is not found by the line above.
app.autodiscover_tasks(["investments.payments"])
app.conf.beat_schedule = {
    "every minute": {"task": "schedule.run_due", "schedule": 60.0, "args": ("minute",)},
    "every hour": {"task": "schedule.run_due", "schedule": crontab(minute="2"), "args": ("hour",)},
    # 00:05 in Tokyo
    "every day": {"task": "schedule.run_due", "schedule": crontab(hour="15", minute="5"), "args": ("day",)},
}
