"""The test settings over a PostgreSQL that keeps what it acknowledged: its own cluster, fsync on, connections kept."""

from microfund.kernel import embedded
from microfund.settings.test import *  # noqa: F403
from microfund.settings.test import DATA_DIR

DATABASES = {"default": {**embedded.database_settings(DATA_DIR / "durable"), "CONN_MAX_AGE": 60}}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
