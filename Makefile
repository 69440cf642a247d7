# Orchestra. Needs make, git and Python 3.11 or newer; every target makes its own environment in .venv.
# `make` alone prints this list.

PYTHON ?= python3
PORT ?= 8000
W ?= W1
TESTERS ?= 2
WORKERS ?= 2

RUN = .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test check e2e pictures bench mutants replay lock clean environment-agents environment-dev environment-e2e

help: ## Print this list
	@echo "Usage: make TARGET"
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  \1|\2/p' Makefile | awk -F '|' '{ printf "%-13s %s\n", $$1, $$2 }'

demo: environment-agents ## Start all of it here with example data (PORT=8000 DATA=folder); Ctrl-C stops it, the data stays
	@exec $(RUN) -m orchestra.local.demo --port $(PORT) $(if $(DATA),--data "$(DATA)")

demo-reset: environment-agents ## Throw away the data of the demo
	@$(RUN) -m orchestra.local.demo --reset

test: environment-dev ## Run the tests on own PostgreSQLs and Valkeys, in so many processes (TESTERS=2)
	@$(RUN) -m pytest -n $(TESTERS) --dist loadfile

check: environment-dev ## Run all static checks: format, lint, types, layers, migrations, settings, documents
	@.ci/check

e2e: environment-e2e ## Run the browser tests; needs chromium (Debian: apt-get install chromium)
	@.ci/e2e

pictures: environment-e2e ## Take docs/pictures/ anew with a browser that looks at the demo; needs chromium
	@$(RUN) -m tests.e2e.pictures

bench: environment-dev ## Run one benchmark and print its figures (W=W1)
	@$(RUN) -m bench $(W)

mutants: environment-dev ## Take one guard after the other out of a copy; the tests must notice each (ONLY=words of a name)
	@$(RUN) -m tests.mutants $(ONLY)

replay: environment-agents ## Replay recorded agents through the gate (DATA=folder; RUNS=60 WORKERS=2 POLICIES=off)
	@test -n "$(DATA)" || { echo "Name the folder of the recorded runs: make replay DATA=folder" >&2; exit 2; }
	@exec $(RUN) manage.py replay "$(DATA)" --workers $(WORKERS) $(if $(RUNS),--runs $(RUNS)) $(if $(filter off,$(POLICIES)),--without-policies)

lock: environment-dev ## Write requirements/*.txt anew from *.in, keeping versions that still fit (UPGRADE=1: newest)
	@.ci/lock $(if $(UPGRADE),--upgrade)

clean: ## Remove the environment and what tools left; keeps the data of the demo (see demo-reset)
	rm -rf .venv .venv.lock .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -not -path './.local/*' -prune -exec rm -rf {} +

# Returns at once while .venv fits the lock files; installs when one of them changed. Safe to run twice at a time.
environment-agents environment-dev environment-e2e: environment-%:
	@$(PYTHON) .ci/environment.py $*
