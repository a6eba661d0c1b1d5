# The site, its worker and its beat in one image; which of them runs is the command's choice (docker-compose.yml).
# Built in two stages, so that the running image holds neither pip's caches nor anything that is only needed to build.

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /venv
WORKDIR /app
# The lock alone first: packages are installed again only when it changes. Every package is pinned with its hashes.
COPY requirements.lock ./
RUN /venv/bin/python -m pip install --no-input --require-hashes --requirement requirements.lock
COPY manage.py pyproject.toml LICENSE ./
COPY microfund ./microfund
COPY businesses ./businesses
COPY investments ./investments
COPY rewards ./rewards
COPY templates ./templates
COPY static ./static
COPY locale ./locale
COPY docs/verify.py ./docs/verify.py
# Neither step asks a database or needs a secret; the demo's settings name the same storages as production's.
RUN DJANGO_SETTINGS_MODULE=microfund.settings.demo /venv/bin/python -m microfund.kernel.messages compile \
    && DJANGO_SETTINGS_MODULE=microfund.settings.demo /venv/bin/python manage.py collectstatic --noinput \
    && /venv/bin/python -m compileall -q /app

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Tomobune" \
      org.opencontainers.image.description="Disaster-recovery microfinance funds" \
      org.opencontainers.image.licenses="BSD-3-Clause"
# Code and packages belong to root: the process cannot change what it runs. Only /data is its own.
RUN groupadd --system --gid 10001 tomobune \
    && useradd --system --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin tomobune \
    && install --directory --owner 10001 --group 10001 /data /data/media /data/private
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=microfund.settings.production \
    TOMOBUNE_DATA=/data \
    MEDIA_ROOT=/data/media \
    PRIVATE_ROOT=/data/private \
    STATIC_ROOT=/app/staticfiles
WORKDIR /app
USER 10001:10001
EXPOSE 8000
# Says whether the web process answers. The worker's and the beat's own checks are in docker-compose.yml.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-m", "microfund.site.healthcheck"]
STOPSIGNAL SIGTERM
CMD ["gunicorn", "microfund.wsgi", "--bind", "0.0.0.0:8000", "--workers", "3", "--threads", "4", \
     "--graceful-timeout", "25", "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "--access-logfile", "-", \
     "--logger-class", "microfund.site.access_log.Logger"]
