# Everything a newcomer types. Each target works without a terminal; `make` alone lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long prove bench dbt-tests check check-python lint-fix docs clean check-python check-dependencies dbt-tests

# The first interpreter that fits; override with `make setup PYTHON=/path/to/python3.12`.
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	if command -v $$name >/dev/null 2>&1 && $$name -c '$(FITS)' >/dev/null 2>&1; then echo $$name; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SQL := $(shell find models dbt_project/tests/singular -name '*.sql' 2>/dev/null)
# Empty warehouses of their own: dbt's unit tests need the columns of what they stand in for, not its rows, and the
# linter compiles. So neither waits for a build that runs, for the other, nor disturbs them.
SCRATCH := $(CURDIR)/target/test_warehouse
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -q
SQL_LINTED := .sqlfluff_cache/passed

# One seed stands for twenty sequences, or for one through the real job; the one that `make prove` names where it
# fails repeats them.
SEQUENCES ?= 500
JOBS ?= 40
WORLDS ?= 1000
DEFECTS ?= 250
CLEAN ?= 50
FILES ?= 2000
REPLAYS ?= 20
RACES ?= 72
ERASURES ?= 10
CANARIES ?= 3
JOB_KILLS ?= 60
ROUTES ?= 300
KILLS ?= 300
READINGS ?= 100
DISKS ?= 20
MEMORY ?= 10
NETWORKS ?= 1
INJECTIONS ?= 900
OPERATIONS ?= 36
SEED ?= 1

export DAGSTER_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1 | \2/p' $(MAKEFILE_LIST) | column -t -s '|'

setup: $(READY) ## install everything into .venv, from the hash-locked requirements
	@$(BIN)/python -m orchestration.environment

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(FITS)' 2>/dev/null || { \
		echo "Leadproof needs Python 3.11, 3.12 or 3.13; install one and run: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@command -v git >/dev/null 2>&1 || { \
		echo "Leadproof needs git on the PATH (releases record the code version); install it and run make setup again." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "This Python has no venv module; install it (on Debian: apt-get install python3-venv) and run make setup again." >&2; exit 1; }
	@test ! -x $(BIN)/python || $(BIN)/python -c '$(FITS)' 2>/dev/null || rm -rf $(VENV)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@$(BIN)/python -c 'from orchestration.report.site.scripts import chart_script; chart_script()'
	@touch $(READY)

demo: setup ## simulate a company, build, audit and publish its funnel
	$(BIN)/leadproof demo

test: setup ## lint, types, pytest, dbt unit and data tests
	@$(MAKE) --no-print-directory --jobs 2 check-python check-dependencies dbt-tests $(SQL_LINTED)
	$(PYTEST) -m 'not long'

dbt-tests:
	@rm -rf $(SCRATCH)/tests && mkdir -p $(SCRATCH)/tests/build
	LEADPROOF_WAREHOUSE=$(SCRATCH)/tests $(BIN)/dbt --quiet build --target-path $(SCRATCH)/tests/target --log-path $(SCRATCH)/tests/logs

test-long: setup ## the tests that make test leaves out: more cases of what it shows
	$(PYTEST) -m long

prove: setup ## what docs/reliability.md promises: verdicts, defects, mutated files, replays, sequences of builds; DEFECTS=250 FILES=2000 SEQUENCES=500 JOBS=40 SEED=1 and more
	$(BIN)/python -m tests.proof.prove --sequences $(SEQUENCES) --jobs $(JOBS) --worlds $(WORLDS) --defects $(DEFECTS) \
		--clean $(CLEAN) --files $(FILES) --replays $(REPLAYS) --races $(RACES) \
		--erasures $(ERASURES) --canaries $(CANARIES) --job-kills $(JOB_KILLS) --routes $(ROUTES) --kills $(KILLS) --readings $(READINGS) \
		--disks $(DISKS) --memory $(MEMORY) --networks $(NETWORKS) \
		--injections $(INJECTIONS) --operations $(OPERATIONS) --seed $(SEED)

check: setup ## lint, types, known vulnerabilities of dependencies
	@$(MAKE) --no-print-directory --jobs 2 check-python check-dependencies $(SQL_LINTED)

check-dependencies:
	@$(BIN)/python -m tests.conventions.dependency_audit

check-python:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Compiling and linting every model takes minutes, so only files that changed since they last passed are linted.
$(SQL_LINTED): $(SQL) .sqlfluff
	@mkdir -p $(SCRATCH)/lint/build
	LEADPROOF_WAREHOUSE=$(SCRATCH)/lint DBT_TARGET_PATH=$(SCRATCH)/lint/target $(BIN)/sqlfluff lint --disable-progress-bar $(if $(filter .sqlfluff,$?),$(SQL),$(filter %.sql,$?))
	@mkdir -p $(@D) && touch $@

lint-fix: setup ## repair what the linters can repair
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix --disable-progress-bar $(SQL)

docs: setup ## dbt's documentation site in target/
	$(BIN)/dbt docs generate

SCALE ?= 1m
bench: setup ## measure builds against two yardsticks: make bench SCALE=1m (or 10m, 100m, demo)
	@$(BIN)/python -m benchmarks.run $(SCALE) $(BENCH)

clean: ## remove what was built from the code; data/, warehouse/ and .dagster/ stay
	rm -rf target logs build .bench .pytest_cache .mypy_cache .ruff_cache .hypothesis .sqlfluff_cache *.egg-info
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +
