# Every target works on a fresh clone: it makes .venv from the lock first. `make` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
PORT ?= 8000
MINUTES ?= 60
ONLY ?=
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.made-from
JOBS := $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ "$$n" -gt 4 ] && n=4; [ "$$n" -lt 2 ] && n=2; echo $$n)

.PHONY: help demo test check bench torture lock messages clean format venv

help: ## List the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

venv: ## Make .venv from the lock, if it isn't made from this lock already
	@.ci/venv "$(PYTHON)" "$(VENV)"

demo: venv ## Run everything on this machine: make demo [PORT=8000]
	@exec env DJANGO_SETTINGS_MODULE=microfund.settings.demo $(PY) manage.py demo --port $(PORT)

test: venv ## Run the tests on a PostgreSQL of their own
	@$(PY) -m pytest -n $(JOBS) $(ARGS)

format: venv ## Format Python and templates
	@$(VENV)/bin/ruff check --fix --quiet . || true
	@$(VENV)/bin/ruff format .
