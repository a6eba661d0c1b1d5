"""Settings of the site as `benchmarks/web.py` serves it: the demo's over a scratch database, static names in memory."""

import os

from microfund.settings.demo import *  # noqa: F403

DATABASES["default"]["NAME"] = os.environ["BENCH_DATABASE"]  # noqa: F405
STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"  # noqa: F405
