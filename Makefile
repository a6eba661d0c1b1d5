# Every target works on a fresh clone: it makes .venv from the lock first. `make` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
PORT ?= 8000
MINUTES ?= 60
ONLY ?=
ARGS ?=
VENV := .venv
PY := $(VENV)/bin/python
# Two tests at once at least (most of a test is waiting for the database), four at most (each has a database of its own).
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ "$$n" -gt 4 ] && n=4; [ "$$n" -lt 2 ] && n=2; echo $$n)

.PHONY: help demo test check bench lighthouse torture lock messages clean format venv

help: ## List the targets
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

venv: ## Make .venv from the lock, if it isn't made from this lock already
	@.ci/venv "$(PYTHON)" "$(VENV)"

demo: venv ## Run everything on this machine with demo data: make demo [PORT=8000]
	@exec env DJANGO_SETTINGS_MODULE=microfund.settings.demo $(PY) manage.py demo --port "$(PORT)"

test: venv ## Run the tests on a PostgreSQL of their own: make test [ARGS="-k word"]
	@$(PY) -m microfund.kernel.messages compile
	@$(PY) -m pytest -p tests.skips -n $(JOBS) --dist worksteal $(ARGS)

check: venv ## Run every check that is not a test: style, types, layers, migrations, settings, translations
	@.ci/check "$(VENV)"

bench: venv ## Measure against the floor, as one JSON list: make bench [ONLY=name]
	@$(PY) -m benchmarks $(ONLY)

lighthouse: venv ## Lighthouse on the pages of a running demo: make lighthouse [URL=http://localhost:8000]
	@DJANGO_SETTINGS_MODULE=microfund.settings.demo $(PY) -m benchmarks.lighthouse $(URL)

torture: venv ## Run the long proofs: make torture [MINUTES=60]
	@$(PY) -m tests.faults.torture --minutes "$(MINUTES)" $(ARGS)

lock: ## Pin every dependency anew, without a word of where it was fetched
	@.ci/lock "$(PYTHON)"

messages: venv ## Extract and compile the translations (extraction needs gettext)
	@$(PY) -m microfund.kernel.messages extract

format: venv ## Format Python and templates
	@$(VENV)/bin/ruff check --fix --quiet . || echo "ruff: some findings need a person; make check lists them"
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/djlint templates --reformat --quiet || echo "djlint: templates were reformatted"

clean: ## Remove what can be made again (.venv, caches); the data in .data stays
	@rm -rf .venv staticfiles .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .data/test
	@find . -name __pycache__ -type d -not -path './.data/*' -prune -exec rm -rf {} +
	@find locale -name '*.mo' -delete
