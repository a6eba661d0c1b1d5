"""WSGI entry point: `gunicorn microfund.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "microfund.settings.demo")
application = get_wsgi_application()
